//! Orders, payments, who had a trial, and one-time codes.

use ltlm_protocol::Timestamp;
use serde_json::json;

use super::people::read_tries;
use super::{Builder, Item, ItemError, Reader};
use crate::domain::license::LicenseId;
use crate::domain::policy::INTERVALS;
use crate::domain::portal::OneTimeCode;
use crate::domain::store::Order;
use crate::domain::store::email::Email;
use crate::domain::store::money::Money;
use crate::domain::store::order::{Billing, Given, Goods, OPEN_DAYS, OrderState, Payment};
use crate::domain::store::trial::{Card, Trial};
use crate::table::key;
use crate::table::port::List;

/// Days for which a provider's message is remembered: longer than providers go on sending one.
const EVENT_DAYS: i64 = 90;

/// An order's item. One that nobody pays goes by itself.
pub fn order(order: &Order) -> Item {
    let (policy, license, pack) = match &order.goods {
        Goods::Policy { number } => (Some(*number), None, None),
        Goods::Pack { license, pack } => (None, Some(&license.0), Some(json!(pack).to_string())),
    };
    let (interval, count) = match order.billing {
        Billing::Once => (None, None),
        Billing::Every { interval, count } => (Some(interval), Some(count)),
        // No interval at all: a card is shown.
        Billing::CardOnly => (None, Some(0)),
    };
    let item = Builder::new(key::order(&order.id))
        .text("projectId", &order.project_id)
        .int_opt("policyNumber", policy)
        .text_opt("packLicense", license)
        .text_opt("pack", pack)
        .text_opt("interval", interval)
        .int_opt("intervalCount", count)
        .int("minor", order.price.minor)
        .text("currency", &order.price.currency)
        .text("name", &order.name)
        .text("email", &order.email)
        .text_opt("redirect", order.redirect.as_ref())
        .text("fingerprint", &order.fingerprint)
        .text("state", order.state.wire())
        .text_opt("license", order.license.as_ref().map(|license| &license.0))
        .int("converted", order.converted.into())
        .int_opt("givenDays", order.given.map(|given| given.days))
        .int_opt("givenTokens", order.given.map(|given| given.tokens))
        .text_opt("session", order.session.as_ref())
        .at("createdAt", order.created_at)
        .at_opt("paidAt", order.paid_at)
        .int("revision", order.revision)
        .text("listPk", key::list_partition(&List::Orders(order.project_id.clone())))
        .text("listSk", key::timed_sort(order.created_at, &order.id));
    match order.state {
        OrderState::Open | OrderState::Expired => item.ttl(order.created_at.plus_days(OPEN_DAYS)).build(),
        _ => item.build(),
    }
}

pub(super) fn read_order(r: &Reader<'_>, id: String) -> Result<Order, ItemError> {
    let goods = match r.int_opt("policyNumber") {
        Some(number) => Goods::Policy { number },
        None => Goods::Pack {
            license: LicenseId(r.text("packLicense")?),
            pack: r
                .json("pack")?
                .and_then(|pack| serde_json::from_value(pack).ok())
                .ok_or(ItemError { attribute: "pack" })?,
        },
    };
    let billing = match (r.word_opt("interval", INTERVALS), r.int_opt("intervalCount")) {
        (Some(interval), count) => Billing::Every { interval, count: count.unwrap_or(1) },
        (None, Some(_)) => Billing::CardOnly,
        (None, None) => Billing::Once,
    };
    Ok(Order {
        id,
        project_id: r.text("projectId")?,
        goods,
        billing,
        price: Money { minor: r.int("minor")?, currency: r.text("currency")? },
        name: r.text("name")?,
        email: r.text("email")?,
        redirect: r.text_opt("redirect"),
        fingerprint: r.text("fingerprint")?,
        state: OrderState::parse(&r.text("state")?).ok_or(ItemError { attribute: "state" })?,
        license: r.text_opt("license").map(LicenseId),
        converted: r.int("converted")? != 0,
        given: r.int_opt("givenDays").zip(r.int_opt("givenTokens")).map(|(days, tokens)| Given { days, tokens }),
        session: r.text_opt("session"),
        created_at: r.at("createdAt")?,
        paid_at: r.at_opt("paidAt"),
        revision: r.int("revision")?,
    })
}

/// What is known of a payment. Without an order it goes by itself.
pub fn payment(payment: &Payment) -> Item {
    let item = Builder::new(key::payment(&payment.id))
        .text_opt("order", payment.order.as_ref())
        .int("refunded", payment.is_refunded.into())
        .int("disputed", payment.is_disputed.into())
        .text_opt("closedDispute", payment.closed_dispute.as_ref())
        .int("revision", payment.revision)
        .at("at", payment.at);
    match payment.order {
        None => item.ttl(payment.at.plus_days(Payment::ORPHAN_DAYS)).build(),
        Some(_) => item.build(),
    }
}

pub(super) fn read_payment(r: &Reader<'_>, id: String) -> Result<Payment, ItemError> {
    Ok(Payment {
        id,
        order: r.text_opt("order"),
        is_refunded: r.int("refunded")? != 0,
        is_disputed: r.int("disputed")? != 0,
        closed_dispute: r.text_opt("closedDispute"),
        revision: r.int("revision")?,
        at: r.at("at")?,
    })
}

/// A provider's message that was taken.
pub fn payment_event(id: &str, at: Timestamp) -> Item {
    Builder::new(key::payment_event(id)).at("at", at).ttl(at.plus_days(EVENT_DAYS)).build()
}

/// What is known of an address and trials.
pub fn trial(trial: &Trial) -> Item {
    Builder::new(key::trial(&trial.project_id, &trial.email))
        .text("projectId", &trial.project_id)
        .text("email", trial.email.as_str())
        .text_opt("license", trial.license.as_ref().map(|license| &license.0))
        .at_opt("convertedAt", trial.converted_at)
        .int("revision", trial.revision)
        .at("at", trial.at)
        .build()
}

pub(super) fn read_trial(r: &Reader<'_>) -> Result<Trial, ItemError> {
    Ok(Trial {
        project_id: r.text("projectId")?,
        email: Email::parse(&r.text("email")?).ok_or(ItemError { attribute: "email" })?,
        license: r.text_opt("license").map(LicenseId),
        converted_at: r.at_opt("convertedAt"),
        revision: r.int("revision")?,
        at: r.at("at")?,
    })
}

/// A card with which a trial was had.
pub fn card(card: &Card) -> Item {
    Builder::new(key::card(&card.project_id, &card.fingerprint))
        .text("projectId", &card.project_id)
        .text("card", &card.fingerprint)
        .at("at", card.at)
        .build()
}

pub(super) fn read_card(r: &Reader<'_>) -> Result<Card, ItemError> {
    Ok(Card { project_id: r.text("projectId")?, fingerprint: r.text("card")?, at: r.at("at")? })
}

/// A one-time code; what it is follows from elsewhere. A day later nothing depends on it.
pub fn code(code: &OneTimeCode) -> Item {
    let times: Vec<_> = code.requested_at.iter().map(|at| at.ms().to_string()).collect();
    let last = code.requested_at.last().copied().unwrap_or(Timestamp::EPOCH);
    Builder::new(key::code(&code.project_id, &code.email))
        .text("projectId", &code.project_id)
        .text("email", code.email.as_str())
        .text("request", &code.request)
        .text("requestedAt", times.join(" "))
        .int("attempts", code.tries.attempts)
        .text_opt("usedBy", code.tries.used_by.as_ref())
        .int("revision", code.revision)
        .ttl(last.plus_days(1))
        .build()
}

pub(super) fn read_code(r: &Reader<'_>) -> Result<OneTimeCode, ItemError> {
    let times = r.text("requestedAt")?;
    let requested_at: Result<Vec<_>, _> = times.split(' ').map(str::parse).collect();
    let requested_at = requested_at.map_err(|_| ItemError { attribute: "requestedAt" })?;
    Ok(OneTimeCode {
        project_id: r.text("projectId")?,
        email: Email::parse(&r.text("email")?).ok_or(ItemError { attribute: "email" })?,
        request: r.text("request")?,
        requested_at: requested_at.into_iter().map(Timestamp::from_ms).collect(),
        tries: read_tries(r)?,
        revision: r.int("revision")?,
    })
}

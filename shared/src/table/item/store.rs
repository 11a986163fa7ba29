//! Orders, payments, trials, and one-time codes.

use ltlm_protocol::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::model::billing_period::{Fate, Period, Periods};
use crate::model::email::Email;
use crate::model::ids::{AccountId, LicenseId};
use crate::model::money::Money;
use crate::model::order::{
    Billing, Chore, FailedRefund, Granted, Ignored, OPEN_DAYS, Order, OrderItem, OrderState, Payment, Reason, Refunds,
    Remarks, Sale, Todo, Unapplied,
};
use crate::model::policy_words::Interval;
use crate::model::trial::{Card, Trial};
use crate::table::item::attributes::{Builder, Item, ItemError, Reader};
use crate::table::key;
use crate::table::port::List;

/// Days for which a provider's message is remembered: longer than providers resend one.
const EVENT_DAYS: i64 = 90;

/// An order's item. An unpaid order expires.
pub fn order(order: &Order) -> Item {
    let (policy, license, account, pack) = match &order.goods {
        OrderItem::Policy { number } => (Some(*number), None, None, None),
        OrderItem::Pack { license, pack } => (None, Some(&license.0), None, Some(json!(pack).to_string())),
        OrderItem::Tokens { account, pack } => (None, None, Some(&account.name), Some(json!(pack).to_string())),
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
        .text_opt("packAccount", account)
        .text_opt("pack", pack)
        .text_opt("interval", interval.map(Interval::wire))
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
        .int_opt("takenTokens", order.given.map(|given| given.taken).filter(|taken| *taken > 0))
        .text_opt("session", order.session.as_ref())
        .text_opt("subscription", order.subscription.as_ref())
        .int("named", order.is_named.into())
        .int("test", order.is_test.into())
        .text_opt("periods", periods_text(&order.periods))
        .at_opt("foldedUntil", order.periods.folded_until)
        .at_opt("paidUntil", order.paid_until)
        .text_opt("remarks", remarks_text(&order.remarks))
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
    let goods = match (r.int_opt("policyNumber"), r.text_opt("packAccount")) {
        (Some(number), _) => OrderItem::Policy { number },
        (None, Some(name)) => {
            let account = AccountId { project_id: r.text("projectId")?, name };
            OrderItem::Tokens { account, pack: read_pack(r)? }
        }
        (None, None) => OrderItem::Pack { license: LicenseId(r.text("packLicense")?), pack: read_pack(r)? },
    };
    let billing = match (r.text_opt("interval").and_then(|word| Interval::parse(&word)), r.int_opt("intervalCount")) {
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
        given: r.int_opt("givenDays").zip(r.int_opt("givenTokens")).map(|(days, tokens)| Granted {
            days,
            tokens,
            taken: r.int_opt("takenTokens").unwrap_or(0),
        }),
        session: r.text_opt("session"),
        subscription: r.text_opt("subscription"),
        // Orders from before this was noted are left alone.
        is_named: r.int_opt("named") != Some(0),
        is_test: r.int_opt("test") == Some(1),
        periods: Periods { list: read_periods(r)?, folded_until: r.at_opt("foldedUntil") },
        paid_until: r.at_opt("paidUntil"),
        remarks: read_remarks(r)?,
        created_at: r.at("createdAt")?,
        paid_at: r.at_opt("paidAt"),
        revision: r.int("revision")?,
    })
}

fn read_pack<P: DeserializeOwned>(r: &Reader<'_>) -> Result<P, ItemError> {
    let pack = r.json("pack")?.and_then(|pack| serde_json::from_value(pack).ok());
    pack.ok_or(ItemError { attribute: "pack" })
}

fn periods_text(periods: &Periods) -> Option<String> {
    let period = |period: &Period| {
        let fate = &period.fate;
        json!({"payment": period.payment, "until": period.until.map(Timestamp::ms), "paidAt": period.paid_at.ms(),
            "backAt": fate.back_at.map(Timestamp::ms), "takenAt": fate.taken_at.map(Timestamp::ms), "disputed": fate.is_disputed,
            "suspends": fate.suspends, "refunded": fate.refunded})
    };
    let list: Vec<_> = periods.list.iter().map(period).collect();
    (!list.is_empty()).then(|| json!(list).to_string())
}

fn read_periods(r: &Reader<'_>) -> Result<Vec<Period>, ItemError> {
    let broken = ItemError { attribute: "periods" };
    let period = |value: &Value| {
        let (flag, instant) = (flag_of(value), instant_of(value));
        Some(Period {
            payment: value["payment"].as_str().map(str::to_owned),
            until: instant("until"),
            paid_at: instant("paidAt")?,
            fate: Fate {
                back_at: instant("backAt"),
                taken_at: instant("takenAt"),
                is_disputed: flag("disputed"),
                suspends: flag("suspends"),
                refunded: value["refunded"].as_i64().unwrap_or(0),
            },
        })
    };
    let list = r.json("periods")?.unwrap_or_default();
    let list: Option<Vec<_>> = list.as_array().into_iter().flatten().map(period).collect();
    list.ok_or(broken)
}

fn flag_of(value: &Value) -> impl Fn(&str) -> bool {
    |name| value[name].as_bool().unwrap_or(false)
}

fn instant_of(value: &Value) -> impl Fn(&str) -> Option<Timestamp> {
    |name| value[name].as_i64().map(Timestamp::from_ms)
}

fn remarks_text(remarks: &Remarks) -> Option<String> {
    let unapplied = |unapplied: &Unapplied| json!({"payment": unapplied.payment, "reason": unapplied.reason.wire(), "at": unapplied.at.ms()});
    let todo = |todo: &Todo| {
        let (act, target) = match &todo.chore {
            Chore::Refund(payment) => ("refund", payment),
            Chore::Cancel(subscription) => ("cancel", subscription),
        };
        json!({"act": act, "target": target, "done": todo.is_done})
    };
    let ignored = |ignored: &Ignored| json!({"event": ignored.event, "kind": ignored.kind, "live": ignored.is_live, "at": ignored.at.ms()});
    let text = json!({
        "unapplied": remarks.unapplied.iter().map(unapplied).collect::<Vec<_>>(),
        "todo": remarks.todo.iter().map(todo).collect::<Vec<_>>(),
        "ignored": remarks.ignored.iter().map(ignored).collect::<Vec<_>>(),
    });
    (*remarks != Remarks::default()).then(|| text.to_string())
}

fn read_remarks(r: &Reader<'_>) -> Result<Remarks, ItemError> {
    let found = r.document("remarks")?;
    let list = |name: &str| found.get(name).and_then(Value::as_array).into_iter().flatten();
    let text = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
    let unapplied = |value: &Value| {
        let reason = Reason::parse(value["reason"].as_str()?)?;
        Some(Unapplied { payment: text(value, "payment")?, reason, at: instant_of(value)("at")? })
    };
    let todo = |value: &Value| {
        let target = text(value, "target")?;
        let chore = match value["act"].as_str()? {
            "refund" => Chore::Refund(target),
            "cancel" => Chore::Cancel(target),
            _ => return None,
        };
        Some(Todo { chore, is_done: flag_of(value)("done") })
    };
    let ignored = |value: &Value| {
        let (event, kind, at) = (text(value, "event")?, text(value, "kind")?, instant_of(value)("at")?);
        Some(Ignored { event, kind, is_live: flag_of(value)("live"), at })
    };
    let read = || {
        Some(Remarks {
            unapplied: list("unapplied").map(unapplied).collect::<Option<_>>()?,
            todo: list("todo").map(todo).collect::<Option<_>>()?,
            ignored: list("ignored").map(ignored).collect::<Option<_>>()?,
        })
    };
    read().ok_or(ItemError { attribute: "remarks" })
}

/// The record of a payment. A payment without an order expires.
pub fn payment(payment: &Payment) -> Item {
    let refunds = &payment.refunds;
    let failed = |failed: &FailedRefund| json!({"id": failed.id, "amount": failed.amount, "at": failed.at.ms()});
    let failed: Vec<_> = refunds.failed.iter().map(failed).collect();
    let item = Builder::new(key::payment(&payment.id))
        .text_opt("order", payment.order.as_ref())
        .int_opt("refundTotal", refunds.told_at.map(|_| refunds.total))
        .int_opt("refundedMinor", refunds.told_at.map(|_| refunds.refunded))
        .at_opt("refundAt", refunds.told_at)
        .text_opt("failedRefunds", (!failed.is_empty()).then(|| json!(failed).to_string()))
        .at_opt("lostAt", payment.lost_at)
        .at_opt("disputedAt", payment.disputed_at)
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
        refunds: read_refunds(r)?,
        lost_at: r.at_opt("lostAt"),
        // An old item says only that it is disputed.
        disputed_at: r.at_opt("disputedAt").or(r.at_opt("at").filter(|_| r.int_opt("disputed") == Some(1))),
        closed_dispute: r.text_opt("closedDispute"),
        revision: r.int("revision")?,
        at: r.at("at")?,
    })
}

fn read_refunds(r: &Reader<'_>) -> Result<Refunds, ItemError> {
    // An old item says only that all of it went back.
    if r.int_opt("refunded") == Some(1) {
        return Ok(Refunds { total: 1, refunded: 1, told_at: r.at_opt("at"), failed: Vec::new() });
    }
    let failed = |value: &Value| {
        let (id, amount) = (value["id"].as_str()?.to_owned(), value["amount"].as_i64()?);
        Some(FailedRefund { id, amount, at: instant_of(value)("at")? })
    };
    let list = r.json("failedRefunds")?.unwrap_or_default();
    let failed: Option<Vec<_>> = list.as_array().into_iter().flatten().map(failed).collect();
    Ok(Refunds {
        total: r.int_opt("refundTotal").unwrap_or(0),
        refunded: r.int_opt("refundedMinor").unwrap_or(0),
        told_at: r.at_opt("refundAt"),
        failed: failed.ok_or(ItemError { attribute: "failedRefunds" })?,
    })
}

/// The last sale of an item to a buyer.
pub fn sale(sale: &Sale) -> Item {
    Builder::new(key::sale(&sale.project_id, &sale.what))
        .text("projectId", &sale.project_id)
        .text("what", &sale.what)
        .text("order", &sale.order)
        .at("at", sale.at)
        .int("revision", sale.revision)
        // A page may be paid for as long as its order is kept.
        .ttl(sale.at.plus_days(2 * OPEN_DAYS))
        .build()
}

pub(super) fn read_sale(r: &Reader<'_>) -> Result<Sale, ItemError> {
    Ok(Sale {
        project_id: r.text("projectId")?,
        what: r.text("what")?,
        order: r.text("order")?,
        at: r.at("at")?,
        revision: r.int("revision")?,
    })
}

/// A provider's message that was processed.
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
        email: Email::kept(&r.text("email")?),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::state::tests::NOW;
    use crate::model::record::Record;
    use crate::table::item::record::record;

    fn full_order() -> Order {
        let price = Money { minor: 999, currency: "EUR".into() };
        let mut order = Order::new("ord_1".into(), "prj_1".into(), OrderItem::Policy { number: 1 }, price, NOW);
        order.billing = Billing::Every { interval: Interval::Month, count: 1 };
        order.subscription = Some("sub_1".into());
        (order.is_named, order.is_test) = (false, true);
        let fate = Fate { back_at: Some(NOW), taken_at: Some(NOW), is_disputed: true, suspends: true, refunded: 999 };
        let period = Period { payment: Some("pi_1".into()), until: Some(NOW.plus_days(30)), paid_at: NOW, fate };
        order.periods = Periods { list: vec![period], folded_until: Some(NOW) };
        order.paid_until = Some(NOW.plus_days(30));
        for (_, wire) in Reason::ALL {
            order.note_unapplied(wire, Reason::parse(wire).unwrap(), NOW);
        }
        order.ask(Chore::Refund("pi_2".into()));
        order.ask(Chore::Cancel("sub_1".into()));
        order.note_ignored(Ignored { event: "evt_1".into(), kind: "invoice.paid".into(), is_live: true, at: NOW });
        order
    }

    fn full_payment() -> Payment {
        let failed = vec![FailedRefund { id: "re_1".into(), amount: 300, at: NOW }];
        let refunds = Refunds { total: 999, refunded: 300, told_at: Some(NOW), failed };
        let order = Some("ord_1".into());
        Payment { order, refunds, lost_at: Some(NOW), disputed_at: Some(NOW), ..Payment::next("pi_1", None, NOW) }
    }

    #[test]
    fn orders_payments_and_sales_read_back_as_they_were_written() {
        let read = |item: Item| record(&item).unwrap().unwrap();
        assert_eq!(read(order(&full_order())), Record::Order(full_order()));
        assert_eq!(read(payment(&full_payment())), Record::Payment(full_payment()));
        let what = full_order().what();
        let sold = Sale { project_id: "prj_1".into(), what, order: "ord_1".into(), at: NOW, revision: 3 };
        assert_eq!(read(sale(&sold)), Record::Sale(sold));
    }

    #[test]
    fn stored_orders_and_payments_from_before_stay_readable() {
        let without = |mut item: Item, names: &[&str]| {
            names.iter().for_each(|name| {
                item.remove(*name);
            });
            record(&item).unwrap().unwrap()
        };
        let new = ["subscription", "named", "test", "periods", "foldedUntil", "paidUntil", "remarks", "takenTokens"];
        let Record::Order(old) = without(order(&full_order()), &new) else { panic!("an order") };
        assert!(old.is_named && !old.is_test, "no old order is taken for a duplicate");
        assert_eq!((old.periods, old.paid_until, old.remarks), (Periods::default(), None, Remarks::default()));
        // An old payment says that it went back, and that it is disputed.
        let mut item = payment(&full_payment());
        for name in ["refunded", "disputed"] {
            item.insert(name.to_owned(), aws_sdk_dynamodb::types::AttributeValue::N("1".into()));
        }
        let new = ["refundTotal", "refundedMinor", "refundAt", "failedRefunds", "lostAt", "disputedAt"];
        let Record::Payment(old) = without(item, &new) else { panic!("a payment") };
        assert!(old.refunds.is_whole() && old.disputed_at.is_some() && old.lost_at.is_none());
    }
}

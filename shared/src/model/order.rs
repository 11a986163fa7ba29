//! An order. It is written before the payment provider is called, and its id is the provider's idempotency key: if the
//! provider does not answer, the repeated call returns the same page.

use ltlm_protocol::license_data::TopUpOption;
use ltlm_protocol::store_data::{OrderAct, OrderData, OrderPayment, OtherMode, UnappliedPayment};
use ltlm_protocol::{Timestamp, limits};
use serde_json::json;

use crate::model::billing_period::{Period, Periods};
use crate::model::ids::{AccountId, LicenseId};
use crate::model::money::Money;
use crate::model::policy_words::Interval;
use crate::model::token_pack::TokenPack;

/// How long an unpaid order is stored, in days.
pub const OPEN_DAYS: i64 = 30;

/// What is bought.
#[derive(Clone, Debug, PartialEq)]
pub enum OrderItem {
    /// A license of a policy.
    Policy {
        /// Its number.
        number: i64,
    },
    /// A pack on top of a license.
    Pack {
        /// The license.
        license: LicenseId,
        /// The pack as it was when it was ordered: that is what was paid for.
        pack: TopUpOption,
    },
    /// A pack of tokens for an account.
    Tokens {
        /// The account, or the pool of an organization.
        account: AccountId,
        /// The pack as it was when it was ordered.
        pack: TokenPack,
    },
}

/// How it is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Billing {
    /// Once.
    Once,
    /// Again and again.
    Every {
        /// `day`, `week`, `month` or `year`.
        interval: Interval,
        /// How many of them.
        count: i64,
    },
    /// Nothing is paid, but a card is shown: for trials.
    CardOnly,
}

/// What a pack granted, besides what the license's purchases contain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// Days that were added to the license's end.
    pub days: i64,
    /// Tokens.
    pub tokens: i64,
    /// Tokens of these that partial refunds took back.
    pub taken: i64,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// Nobody has paid yet.
    Open,
    /// Paid, and given.
    Paid,
    /// Paid, and not given: a trial that was had before.
    Refused,
    /// The payment went back.
    Refunded,
    /// The payment is disputed at the buyer's bank.
    Disputed,
    /// The payment page was closed by the provider.
    Expired,
}

impl OrderState {
    /// All of them, with their texts.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::Open, "open"),
        (Self::Paid, "paid"),
        (Self::Refused, "refused"),
        (Self::Refunded, "refunded"),
        (Self::Disputed, "disputed"),
        (Self::Expired, "expired"),
    ];

    /// The text on the wire and in the table.
    pub fn wire(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, text)| text)
    }

    /// The state with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, wire)| *wire == text).map(|(state, _)| *state)
    }
}

/// Why a payment bought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The ordered item had ended: it was taken back, or the vendor stopped the license permanently.
    Ended,
    /// The order was paid already.
    PaidAlready,
    /// The buyer had another payment page for the same thing, and paid there.
    Duplicate,
    /// The buyer, or the card, had a trial before.
    TrialHad,
}

impl Reason {
    /// All of them, with their texts.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::Ended, "ended"),
        (Self::PaidAlready, "paid_already"),
        (Self::Duplicate, "duplicate"),
        (Self::TrialHad, "trial_had"),
    ];

    /// The text on the wire and in the table.
    pub fn wire(self) -> &'static str {
        Self::ALL.iter().find(|(reason, _)| *reason == self).map_or("", |(_, text)| text)
    }

    /// The reason with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, wire)| *wire == text).map(|(reason, _)| *reason)
    }
}

/// A payment that bought nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unapplied {
    /// The provider's id of the payment, of the subscription, or of the payment page, whichever it sent.
    pub payment: String,
    /// Why.
    pub reason: Reason,
    /// The instant at which the message arrived.
    pub at: Timestamp,
}

/// Something to be done at the provider because of what was decided here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Give a payment back.
    Refund(String),
    /// Stop charging for a subscription.
    Cancel(String),
}

/// A chore, and whether the provider has done it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Todo {
    /// What.
    pub chore: Chore,
    /// The provider has done it.
    pub is_done: bool,
}

/// A message of the mode that the project does not take: it changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The provider's id of the message.
    pub event: String,
    /// The provider's name of its kind.
    pub kind: String,
    /// Real money?
    pub is_live: bool,
    /// When it came.
    pub at: Timestamp,
}

/// What an order records besides its result: each list contains the last [`limits::ORDER_REMARKS_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// Payments that bought nothing.
    pub unapplied: Vec<Unapplied>,
    /// What is to be done, or was done, at the provider.
    pub todo: Vec<Todo>,
    /// Messages of the other mode.
    pub ignored: Vec<Ignored>,
}

/// The last sale of an item to a buyer, by a caller who named no operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    /// The project.
    pub project_id: String,
    /// The item, and the buyer.
    pub what: String,
    /// The order.
    pub order: String,
    /// When it was paid.
    pub at: Timestamp,
    /// Counts writes of this record.
    pub revision: i64,
}

/// An order's record.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// `ord_` and 32 hex digits.
    pub id: String,
    /// Its project.
    pub project_id: String,
    /// What is bought.
    pub goods: OrderItem,
    /// How it is paid.
    pub billing: Billing,
    /// What it costs; each time, if it is paid again and again.
    pub price: Money,
    /// What the payment page calls it.
    pub name: String,
    /// The buyer, `""` if unknown.
    pub email: String,
    /// Where the browser goes afterwards.
    pub redirect: Option<String>,
    /// Hash of the request, so that an operation id that comes again with another one is refused.
    pub fingerprint: String,
    /// What became of it.
    pub state: OrderState,
    /// The license that it created, moved or added to; `None` before delivery.
    pub license: Option<LicenseId>,
    /// It moved a trial license to what was bought, instead of making one.
    pub converted: bool,
    /// What its pack granted; `None` before delivery, and after it was taken back.
    pub given: Option<Granted>,
    /// The provider's name of the payment page.
    pub session: Option<String>,
    /// The provider's id of the subscription, once the provider has sent it.
    pub subscription: Option<String>,
    /// The caller named the operation: two of its orders are two on purpose.
    pub is_named: bool,
    /// It was paid with the provider's test money.
    pub is_test: bool,
    /// What was paid for it.
    pub periods: Periods,
    /// The end that its payments give the license.
    pub paid_until: Option<Timestamp>,
    /// What else is known.
    pub remarks: Remarks,
    /// When it was ordered.
    pub created_at: Timestamp,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// Counts writes of this record.
    pub revision: i64,
}

impl Order {
    /// A new order of these goods.
    pub fn new(id: String, project_id: String, goods: OrderItem, price: Money, now: Timestamp) -> Self {
        Self {
            id,
            project_id,
            goods,
            billing: Billing::Once,
            price,
            name: String::new(),
            email: String::new(),
            redirect: None,
            fingerprint: String::new(),
            state: OrderState::Open,
            license: None,
            converted: false,
            given: None,
            session: None,
            subscription: None,
            is_named: true,
            is_test: false,
            periods: Periods::default(),
            paid_until: None,
            remarks: Remarks::default(),
            created_at: now,
            paid_at: None,
            revision: 1,
        }
    }

    /// Is there nothing to be paid any more?
    pub fn is_settled(&self) -> bool {
        !matches!(self.state, OrderState::Open | OrderState::Expired)
    }

    /// The item and the buyer: the same for two orders of one buyer for one item.
    pub fn what(&self) -> String {
        match &self.goods {
            OrderItem::Policy { number } => format!("policy {number} {}", self.email),
            OrderItem::Pack { license, pack } => format!("pack {} {}", license.0, pack.pack_id),
            // Both are texts of the vendor's with any characters: where one ends and the other begins must show.
            OrderItem::Tokens { account, pack } => format!("tokens {}", json!([pack.pack_id, account.name])),
        }
    }

    /// Notes a payment that bought nothing, once.
    pub fn note_unapplied(&mut self, payment: &str, reason: Reason, at: Timestamp) {
        let list = &mut self.remarks.unapplied;
        if !list.iter().any(|known| known.payment == payment) {
            list.push(Unapplied { payment: payment.to_owned(), reason, at });
            keep_last(list);
        }
    }

    /// Has something done at the provider, once. What is still to be done is never dropped for lack of room: then the new one is,
    /// and the vendor sees the payment as unapplied.
    pub fn ask(&mut self, chore: Chore) {
        let list = &mut self.remarks.todo;
        if list.iter().any(|known| known.chore == chore) {
            return;
        }
        if list.len() >= limits::ORDER_REMARKS_MAX {
            let Some(done) = list.iter().position(|todo| todo.is_done) else { return };
            list.remove(done);
        }
        list.push(Todo { chore, is_done: false });
    }

    /// Notes a message of the other mode.
    pub fn note_ignored(&mut self, ignored: Ignored) {
        self.remarks.ignored.push(ignored);
        keep_last(&mut self.remarks.ignored);
    }

    /// What is still to be done at the provider.
    pub fn chores(&self) -> Vec<Chore> {
        self.remarks.todo.iter().filter(|todo| !todo.is_done).map(|todo| todo.chore.clone()).collect()
    }

    /// The order as the vendor sees it.
    pub fn data(&self) -> OrderData {
        let (policy_id, pack_id) = match &self.goods {
            OrderItem::Policy { number } => (Some(*number), None),
            OrderItem::Pack { pack, .. } => (None, Some(pack.pack_id.clone())),
            OrderItem::Tokens { pack, .. } => (None, Some(pack.pack_id.clone())),
        };
        let (account_id, pool) = match &self.goods {
            OrderItem::Tokens { account, .. } => match account.pool() {
                Some((organization, kind)) => (None, Some((organization.to_owned(), kind.wire().to_owned()))),
                None => (Some(account.name.clone()), None),
            },
            OrderItem::Policy { .. } | OrderItem::Pack { .. } => (None, None),
        };
        let (organization_id, token_type) = pool.unzip();
        OrderData {
            order_id: self.id.clone(),
            status: self.state.wire().to_owned(),
            name: self.name.clone(),
            policy_id,
            pack_id,
            email: Some(self.email.clone()).filter(|email| !email.is_empty()),
            amount: self.price.amount(),
            currency: self.price.currency.clone(),
            license_hash: self.license.as_ref().map(|license| license.0.clone()),
            account_id,
            organization_id,
            token_type,
            converted_trial: self.converted,
            session_id: self.session.clone(),
            test: self.is_test,
            payments: self.periods.list.iter().map(|period| self.payment_data(period)).collect(),
            paid_until: self.paid_until.map(|at| at.to_string()),
            unapplied: self.remarks.unapplied.iter().map(Unapplied::data).collect(),
            acts: self.remarks.todo.iter().map(Todo::data).collect(),
            other_mode: self.remarks.ignored.iter().map(Ignored::data).collect(),
            created_at: self.created_at.to_string(),
            paid_at: self.paid_at.map(|at| at.to_string()),
        }
    }
}

impl Order {
    fn payment_data(&self, period: &Period) -> OrderPayment {
        let refunded = Money { minor: period.fate.refunded, currency: self.price.currency.clone() };
        OrderPayment {
            payment_id: period.payment.clone(),
            paid_at: period.paid_at.to_string(),
            until: period.until.map(|until| until.to_string()),
            refunded: refunded.amount(),
            refunded_at: period.fate.back_at.map(|at| at.to_string()),
            disputed: period.fate.is_disputed,
        }
    }
}

impl Unapplied {
    /// The payment as the vendor sees it.
    pub fn data(&self) -> UnappliedPayment {
        let (payment_id, at) = (self.payment.clone(), self.at.to_string());
        UnappliedPayment { payment_id, reason: self.reason.wire().to_owned(), at }
    }
}

impl Todo {
    fn data(&self) -> OrderAct {
        let (act, target) = match &self.chore {
            Chore::Refund(payment) => ("refund", payment),
            Chore::Cancel(subscription) => ("cancel", subscription),
        };
        OrderAct { act: act.to_owned(), target: target.clone(), done: self.is_done }
    }
}

impl Ignored {
    fn data(&self) -> OtherMode {
        let (event_id, kind, at) = (self.event.clone(), self.kind.clone(), self.at.to_string());
        OtherMode { event_id, kind, livemode: self.is_live, at }
    }
}

fn keep_last<T>(list: &mut Vec<T>) {
    let over = list.len().saturating_sub(limits::ORDER_REMARKS_MAX);
    list.drain(..over);
}

/// A refund that the provider could not carry out after all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRefund {
    /// The provider's name of it.
    pub id: String,
    /// In the provider's minor units.
    pub amount: i64,
    /// When it failed, by the provider's clock.
    pub at: Timestamp,
}

/// What went back of a payment. The provider's latest figure counts, less the refunds that failed after it: so messages may
/// come in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refunds {
    /// What the payment was, in the provider's minor units.
    pub total: i64,
    /// What had gone back of it by `told_at`.
    pub refunded: i64,
    /// When the provider said so, by its clock.
    pub told_at: Option<Timestamp>,
    /// Refunds that failed since.
    pub failed: Vec<FailedRefund>,
}

impl Refunds {
    /// Notes a figure of the provider's.
    pub fn note(&mut self, refunded: i64, total: i64, at: Timestamp) {
        match self.told_at {
            Some(last) if last > at => return,
            Some(last) if last == at => self.refunded = self.refunded.max(refunded),
            _ => self.refunded = refunded,
        }
        (self.total, self.told_at) = (total, Some(at));
        self.failed.retain(|failed| failed.at >= at);
    }

    /// Notes that a refund failed, once.
    pub fn fail(&mut self, failed: FailedRefund) {
        let is_known = self.failed.iter().any(|known| known.id == failed.id);
        if !is_known && self.told_at.is_none_or(|last| failed.at >= last) {
            self.failed.push(failed);
            keep_last(&mut self.failed);
        }
    }

    /// What is back with the buyer, in the provider's minor units.
    pub fn returned(&self) -> i64 {
        let failed: i64 = self.failed.iter().map(|failed| failed.amount).fold(0, i64::saturating_add);
        if self.told_at.is_none() { 0 } else { self.refunded.saturating_sub(failed).max(0) }
    }

    /// Is all of it back with the buyer?
    pub fn is_whole(&self) -> bool {
        self.told_at.is_some() && self.returned() >= self.total
    }
}

/// What is known of a payment at the provider, under the provider's name for it: which order it was for, and what became of it.
/// A refund that arrives before the payment itself leaves a record without an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The provider's name of the payment, or of the subscription.
    pub id: String,
    /// The order that it paid.
    pub order: Option<String>,
    /// What went back.
    pub refunds: Refunds,
    /// When a dispute about it was lost.
    pub lost_at: Option<Timestamp>,
    /// Since when it is disputed.
    pub disputed_at: Option<Timestamp>,
    /// The provider's id of the last dispute that ended: the message about its beginning can arrive later.
    pub closed_dispute: Option<String>,
    /// Counts writes of this record.
    pub revision: i64,
    /// The last of them.
    pub at: Timestamp,
}

impl Payment {
    /// How long a payment without an order is kept, in days: it may be of something else that the vendor sells.
    pub const ORPHAN_DAYS: i64 = 90;

    /// The record after a change; `found` is what there was.
    pub fn next(id: &str, found: Option<&Self>, now: Timestamp) -> Self {
        let fresh = Self {
            id: id.to_owned(),
            order: None,
            refunds: Refunds::default(),
            lost_at: None,
            disputed_at: None,
            closed_dispute: None,
            revision: 0,
            at: now,
        };
        let found = found.cloned().unwrap_or(fresh);
        Self { revision: found.revision + 1, at: now, ..found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::EPOCH.plus_seconds(second)
    }

    #[test]
    fn refunds_add_up_to_the_same_in_whatever_order_they_are_told() {
        let fail = |id: &str, amount: i64, second: i64| FailedRefund { id: id.to_owned(), amount, at: at(second) };
        // 300 of 999 go back, then the rest; the rest fails; 200 more go back.
        let steps: [&dyn Fn(&mut Refunds); 4] = [
            &|refunds| refunds.note(300, 999, at(1)),
            &|refunds| refunds.note(999, 999, at(2)),
            &|refunds| refunds.fail(fail("re_2", 699, 3)),
            &|refunds| refunds.note(500, 999, at(4)),
        ];
        let outcome = |order: &[usize]| {
            let mut refunds = Refunds::default();
            for step in order {
                steps[*step](&mut refunds);
                steps[*step](&mut refunds);
            }
            (refunds.returned(), refunds.is_whole())
        };
        assert_eq!((outcome(&[0]), outcome(&[0, 1]), outcome(&[0, 1, 2])), ((300, false), (999, true), (300, false)));
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2], [2, 1, 0, 3], [0, 2, 1, 3]] {
            assert_eq!(outcome(&order), (500, false), "{order:?}");
        }
        assert_eq!(outcome(&[2, 1]), (300, false), "the failure is told first");
    }
}

//! What the vendor wants done with what was bought when its payment does not stay (`config.store.onRefund`, `onDispute`).

use serde_json::Value;

use crate::model::billing_period::Fate;
use crate::model::order::{Granted, Order, Payment};
use crate::model::policy::Policy;

/// How many of a pack's tokens partial refunds take: the share that what went back of its price paid for, rounded down.
pub(crate) fn taken(on_refund: Rule, order: &Order, given: Granted) -> i64 {
    if on_refund != Rule::TakeBack || order.price.minor <= 0 {
        return 0;
    }
    let returned: i64 = order.periods.list.iter().map(|period| period.fate.refunded).sum();
    let share = i128::from(given.tokens) * i128::from(returned) / i128::from(order.price.minor);
    i64::try_from(share).unwrap_or(given.tokens).clamp(0, given.tokens)
}

/// The vendor's rules for what was bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// When all of the payment went back.
    pub on_refund: Rule,
    /// When the buyer's bank disputes it.
    pub on_dispute: Rule,
}

impl Rules {
    /// Of a policy: for the licenses that it sells and the packs on top of them.
    pub(crate) fn of(policy: &Policy) -> Self {
        Self { on_refund: on_refund(policy), on_dispute: rule(policy, "onDispute", Rule::Suspend) }
    }

    /// When the dispute was lost.
    fn on_loss(self) -> Rule {
        if self.on_dispute == Rule::Keep { Rule::Keep } else { Rule::TakeBack }
    }
}

/// What is done with what was bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A license is revoked; everything that a pack delivered is taken back.
    TakeBack,
    /// The license is suspended.
    Suspend,
    /// Nothing.
    Keep,
}

/// What a payment has become, under the rules for what it bought.
pub(crate) fn fate(payment: &Payment, rules: Rules) -> Fate {
    let refunded_at = payment.refunds.told_at.filter(|_| payment.refunds.is_whole());
    let causes =
        [(payment.lost_at, rules.on_loss()), (refunded_at, rules.on_refund), (payment.disputed_at, rules.on_dispute)];
    let earliest =
        |rule: Rule| causes.iter().filter(|(at, found)| at.is_some() && *found == rule).filter_map(|(at, _)| *at).min();
    Fate {
        back_at: payment.lost_at.into_iter().chain(refunded_at).min(),
        taken_at: earliest(Rule::TakeBack),
        is_disputed: payment.disputed_at.is_some(),
        suspends: earliest(Rule::Suspend).is_some(),
        refunded: payment.refunds.returned(),
    }
}

/// When all of the payment went back.
pub(crate) fn on_refund(policy: &Policy) -> Rule {
    rule(policy, "onRefund", Rule::TakeBack)
}

fn rule(policy: &Policy, name: &str, default: Rule) -> Rule {
    let text = policy.terms.config.get("store").and_then(|store| store.get(name)).and_then(Value::as_str);
    match text {
        Some("takeBack") => Rule::TakeBack,
        Some("suspend") => Rule::Suspend,
        Some("keep") => Rule::Keep,
        _ => default,
    }
}

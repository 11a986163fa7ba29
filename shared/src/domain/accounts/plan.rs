//! A plan of accounts: how many tokens, how often.

use ltlm_protocol::limits;
use ltlm_protocol::read::Reader;

use crate::model::wallet::period::Length;
use crate::model::wallet::schedule::CarryOver;

/// Tiers that every project has: name and tokens of a period.
pub(crate) const TIERS: &[(&str, i64)] = &[("Gift", 100), ("Professional", 2_000), ("Business", 10_000)];

/// What operations cost in every project.
pub(crate) const COSTS: &[(&str, i64)] = &[
    ("chatgpt_message", 5),
    ("image_generation", 10),
    ("monthly_reset", 0),
    ("product_card", 10),
    ("purchase", 0),
    ("refund", 0),
    ("sora_image", 10),
];

/// Days of a period, where a plan does not say.
const PERIOD_DAYS: i64 = 30;

/// Most plans, and most prices, of a project.
pub(crate) const ROWS_MAX: usize = 200;

/// What an account on a plan gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Tokens of a period.
    pub tokens: i64,
    /// How long a period is.
    pub length: Length,
    /// What stays of a period's tokens for the next, and whether several missed periods count one by one.
    pub carry_over: CarryOver,
    /// Does a period begin when the allocation is given? If not, they are counted from the account's anchor.
    pub anchor_on_renewal: bool,
}

/// What a plan does with what is left: all of it stays, none, or so much.
pub(crate) const MODES: &[&str] = &["add", "set", "rollover"];

/// Which of the missed periods count.
const CATCH_UPS: &[&str] = &["latest", "each"];

/// What periods are counted from.
const ANCHORS: &[&str] = &["fixed", "onRenewal"];

impl Plan {
    /// So many tokens each 30 days, added to what is there.
    pub fn of(tokens: i64) -> Self {
        let length = Length::Days(PERIOD_DAYS);
        let carry_over = CarryOver { keep: None, catch_up_each: false };
        Self { tokens, length, carry_over, anchor_on_renewal: false }
    }

    /// Reads a row of `settings.accounts.plans`, noting every mistake.
    pub(crate) fn read(r: &mut Reader<'_>) -> Self {
        let tokens = r.int("tokens", 0, limits::TOKENS_MAX);
        let days = r.int_opt("periodDays", 1, limits::DURATION_DAYS_MAX);
        let months = r.int_opt("periodMonths", 1, limits::PERIOD_MONTHS_MAX);
        if days.is_some() && months.is_some() {
            r.problem("periodMonths", "must not stand beside periodDays");
        }
        let mode = r.word_opt("mode", MODES);
        let max = r.int_opt("rolloverMax", 0, limits::TOKENS_MAX);
        if (mode == Some("rollover")) != max.is_some() {
            r.problem("rolloverMax", "must stand with the mode rollover, and only with it");
        }
        Self {
            tokens,
            length: months.map_or(Length::Days(days.unwrap_or(PERIOD_DAYS)), Length::Months),
            carry_over: CarryOver {
                keep: if mode == Some("set") { Some(0) } else { max },
                catch_up_each: r.word_opt("catchUp", CATCH_UPS) == Some("each"),
            },
            anchor_on_renewal: r.word_opt("anchor", ANCHORS) == Some("onRenewal"),
        }
    }
}

/// Notes every mistake of the costs of operations.
pub(crate) fn costs(r: &mut Reader<'_>, least: i64) {
    r.wholes("costs", ROWS_MAX, least, limits::AMOUNT_MAX);
}

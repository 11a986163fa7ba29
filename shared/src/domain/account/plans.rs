//! Plans and prices: data of the project, with the defaults of the service that seed 003 describes.

use std::collections::BTreeMap;

use ltlm_protocol::limits;
use ltlm_protocol::read::{Reader, whole};
use serde_json::Value;

use super::period::Length;
use crate::domain::organization::features::Features;
use crate::domain::project::Project;
use crate::domain::store::token_pack;

/// Tiers that every project has: name and tokens of a period.
const TIERS: &[(&str, i64)] = &[("Gift", 100), ("Professional", 2_000), ("Business", 10_000)];
/// What operations cost in every project.
const COSTS: &[(&str, i64)] = &[
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
    /// How many tokens of a period may stay for the next; without it all of them do.
    pub keep: Option<i64>,
    /// Does who was away for several periods get what each of them gives? If not, the latest one's.
    pub catch_up_each: bool,
    /// Does a period begin when the allocation is given? If not, they are counted from the account's anchor.
    pub anchor_on_renewal: bool,
}

/// What a plan does with what is left: all of it stays, none, or so much.
const MODES: &[&str] = &["add", "set", "rollover"];
/// Which of the missed periods count.
const CATCH_UPS: &[&str] = &["latest", "each"];
/// What periods are counted from.
const ANCHORS: &[&str] = &["fixed", "onRenewal"];

impl Plan {
    /// So many tokens each 30 days, added to what is there.
    pub fn of(tokens: i64) -> Self {
        let length = Length::Days(PERIOD_DAYS);
        Self { tokens, length, keep: None, catch_up_each: false, anchor_on_renewal: false }
    }

    /// Reads a row of `settings.accounts.plans`, noting every mistake.
    fn read(r: &mut Reader<'_>) -> Self {
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
            keep: if mode == Some("set") { Some(0) } else { max },
            catch_up_each: r.word_opt("catchUp", CATCH_UPS) == Some("each"),
            anchor_on_renewal: r.word_opt("anchor", ANCHORS) == Some("onRenewal"),
        }
    }
}

/// The plans and prices of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plans {
    plans: BTreeMap<String, Plan>,
    costs: BTreeMap<String, i64>,
}

/// Notes every mistake of `settings.accounts`.
pub fn check(r: &mut Reader<'_>) {
    r.map("plans", ROWS_MAX, |_, plan| Plan::read(plan));
    costs(r, 0);
    token_pack::check_for_accounts(r);
}

/// Notes every mistake of the costs of operations.
pub(crate) fn costs(r: &mut Reader<'_>, least: i64) {
    r.wholes("costs", ROWS_MAX, least, limits::AMOUNT_MAX);
}

impl Plans {
    /// A project's, laid over the defaults. Shapes were checked when they were written.
    pub fn of(project: &Project) -> Self {
        let mut plans: BTreeMap<_, _> =
            TIERS.iter().map(|(name, tokens)| ((*name).to_owned(), Plan::of(*tokens))).collect();
        let mut costs: BTreeMap<_, _> = COSTS.iter().map(|(name, cost)| ((*name).to_owned(), *cost)).collect();
        let own = |name: &str| project.settings.get("accounts").and_then(|a| a.get(name)).and_then(Value::as_object);
        for (name, row) in own("plans").into_iter().flatten() {
            if let Ok(mut row) = Reader::new(row) {
                plans.insert(name.clone(), Plan::read(&mut row));
            }
        }
        plans.extend(Features::of(project).account_plans());
        for (name, cost) in own("costs").into_iter().flatten() {
            costs.insert(name.clone(), whole(cost).unwrap_or(0));
        }
        Self { plans, costs }
    }

    /// The plan with this name.
    pub fn plan(&self, name: &str) -> Option<&Plan> {
        self.plans.get(name)
    }

    /// Names of all plans.
    pub fn names(&self) -> Vec<String> {
        // Those with a slash are the pools' of organizations.
        self.plans.keys().filter(|name| !name.contains('/')).cloned().collect()
    }

    /// What an operation costs; `None` for one that is not known.
    pub fn cost(&self, operation_type: &str) -> Option<i64> {
        self.costs.get(operation_type).copied()
    }

    /// Names of all operations that have a price.
    pub fn operations(&self) -> Vec<String> {
        self.costs.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::state::tests::project;
    use serde_json::json;

    #[test]
    fn ts_22_operations_cost_what_the_table_says() {
        let plans = Plans::of(&project());
        let costs = ["image_generation", "sora_image", "chatgpt_message", "refund", "unknown"].map(|o| plans.cost(o));
        assert_eq!(costs, [Some(10), Some(10), Some(5), Some(0), None]);
        assert_eq!(plans.plan("Gift"), Some(&Plan::of(100)));
    }

    #[test]
    fn a_projects_own_rows_lie_over_the_defaults() {
        let settings = json!({"accounts": {"plans": {"Gift": {"tokens": 7}, "Studio": {"tokens": 500, "periodDays": 7, "mode": "rollover",
            "rolloverMax": 50}},
            "costs": {"render": 3}}});
        let plans = Plans::of(&Project { settings: settings.as_object().cloned().unwrap(), ..project() });
        let studio = plans.plan("Studio").unwrap();
        assert_eq!((plans.plan("Gift").unwrap().tokens, studio.length, studio.keep), (7, Length::Days(7), Some(50)));
        assert_eq!((plans.cost("render"), plans.cost("sora_image")), (Some(3), Some(10)));
        let bad = json!({"plans": {"A": 1, "B": {"tokens": -1, "periodDays": 0}, "C": {"tokens": 1, "periodDays": 1,
            "periodMonths": 1, "mode": "set", "rolloverMax": 1, "anchor": "never"}}, "costs": {"x": -1, "y": "1"}});
        let mut reader = Reader::new(&bad).unwrap();
        check(&mut reader);
        assert_eq!(reader.finish().unwrap_err().list().len(), 8);
    }
}

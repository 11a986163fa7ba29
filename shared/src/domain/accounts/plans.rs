//! Plans and prices: data of the project, with the defaults of the service that seed 003 describes.

use std::collections::BTreeMap;

use ltlm_protocol::read::{Reader, whole};
use serde_json::Value;

use crate::domain::accounts::plan::{COSTS, Plan, ROWS_MAX, TIERS, costs};
use crate::domain::organizations::features::Features;
use crate::domain::store::token_pack;
use crate::model::project::Project;

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
    use crate::domain::license::state::tests::project;
    use crate::model::wallet::period::Length;
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
        assert_eq!(
            (plans.plan("Gift").unwrap().tokens, studio.length, studio.carry_over.keep),
            (7, Length::Days(7), Some(50))
        );
        assert_eq!((plans.cost("render"), plans.cost("sora_image")), (Some(3), Some(10)));
        let bad = json!({"plans": {"A": 1, "B": {"tokens": -1, "periodDays": 0}, "C": {"tokens": 1, "periodDays": 1,
            "periodMonths": 1, "mode": "set", "rolloverMax": 1, "anchor": "never"}}, "costs": {"x": -1, "y": "1"}});
        let mut reader = Reader::new(&bad).unwrap();
        check(&mut reader);
        assert_eq!(reader.finish().unwrap_err().list().len(), 8);
    }
}

//! Kinds of tokens, plans and costs of features: data of the project, with the defaults of the system that seed 004 describes.

use std::collections::BTreeMap;

use ltlm_protocol::limits;
use ltlm_protocol::read::{Reader, whole};
use serde_json::Value;

use crate::domain::accounts::plan::{Plan, ROWS_MAX, costs};
use crate::domain::store::token_pack;
use crate::model::project::Project;
use crate::model::token_type::TokenType;
use crate::model::wallet::schedule::CarryOver;

/// Plans that every project has: tokens of a period, in the order of the kinds.
const PLANS: &[(&str, [i64; 5])] =
    &[("starter", [0; 5]), ("pro", [50, 20, 100, 30, 50]), ("enterprise", [500, 200, 1_000, 200, 500])];

/// What features cost in every project.
const COSTS: &[(&str, i64)] = &[
    ("analyze_efficiency", 2),
    ("analyze_strategy", 2),
    ("forecast_revenue", 4),
    ("generate_goal", 3),
    ("generate_insight", 1),
    ("generate_leads", 5),
];

/// Stands in a project's own costs for every feature that has none.
const ANY: &str = "*";

/// The plans and costs of a project's organizations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    plans: BTreeMap<String, [i64; 5]>,
    costs: BTreeMap<String, i64>,
}

/// Notes every mistake of `settings.organizations`.
pub fn check(r: &mut Reader<'_>) {
    r.map("plans", ROWS_MAX, |name, plan| {
        if name.contains('/') {
            plan.problem("", "must be under a name without a slash");
        }
        for kind in TokenType::ALL {
            plan.int_opt(kind.wire(), 0, limits::TOKENS_MAX);
        }
    });
    costs(r, 1);
    token_pack::check_for_organizations(r);
}

impl Features {
    /// A project's, laid over the defaults. Shapes were checked when they were written.
    pub fn of(project: &Project) -> Self {
        let mut plans: BTreeMap<_, _> = PLANS.iter().map(|(name, row)| ((*name).to_owned(), *row)).collect();
        let mut costs: BTreeMap<_, _> = COSTS.iter().map(|(name, cost)| ((*name).to_owned(), *cost)).collect();
        let settings = project.settings.get("organizations");
        let own = |name: &str| settings.and_then(|own| own.get(name)).and_then(Value::as_object);
        for (name, row) in own("plans").into_iter().flatten() {
            let tokens = |kind: &TokenType| row.get(kind.wire()).and_then(whole).unwrap_or(0);
            let mut allocation = [0; 5];
            allocation.iter_mut().zip(TokenType::ALL).for_each(|(place, kind)| *place = tokens(kind));
            plans.insert(name.clone(), allocation);
        }
        for (name, cost) in own("costs").into_iter().flatten() {
            costs.insert(name.clone(), whole(cost).unwrap_or(1));
        }
        Self { plans, costs }
    }

    /// Is there a plan with this name?
    pub fn has_plan(&self, name: &str) -> bool {
        self.plans.contains_key(name)
    }

    /// Names of all plans.
    pub fn plans(&self) -> Vec<String> {
        self.plans.keys().cloned().collect()
    }

    /// What a feature costs; `None` for one that is not known.
    pub fn cost(&self, feature: &str) -> Option<i64> {
        self.costs.get(feature).or_else(|| self.costs.get(ANY)).copied()
    }

    /// Names of all features that have a cost.
    pub fn features(&self) -> Vec<String> {
        self.costs.keys().filter(|name| *name != ANY).cloned().collect()
    }

    /// The plans as those of accounts: of each plan and kind one, which sets the balance each 30 days.
    pub fn account_plans(&self) -> impl Iterator<Item = (String, Plan)> + '_ {
        self.plans.iter().flat_map(|(name, allocation)| {
            TokenType::ALL.iter().zip(allocation).map(move |(kind, tokens)| (tier(name, *kind), of_period(*tokens)))
        })
    }
}

/// A pool's plan: so many tokens in each period, of which none stay.
fn of_period(tokens: i64) -> Plan {
    Plan { carry_over: CarryOver { keep: Some(0), catch_up_each: false }, ..Plan::of(tokens) }
}

/// The name of an organization's plan for one kind, among the plans of accounts.
pub fn tier(plan: &str, token_type: TokenType) -> String {
    format!("{plan}/{}", token_type.wire())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::state::tests::project;
    use serde_json::json;

    #[test]
    fn a_feature_draws_on_the_pool_that_its_name_says_at_its_cost() {
        let features = Features::of(&project());
        let row = |name: &str| (TokenType::of_feature(name).wire(), features.cost(name));
        assert_eq!(row("generate_leads"), ("lead_generation", Some(5)));
        assert_eq!(row("generate_goal"), ("goal_generation", Some(3)));
        assert_eq!(row("analyze_strategy"), ("strategy_analysis", Some(2)));
        assert_eq!(row("forecast_revenue"), ("forecast", Some(4)));
        assert_eq!(row("analyze_efficiency"), ("general", Some(2)));
        assert_eq!(row("levitate"), ("general", None));
    }

    #[test]
    fn a_project_has_its_own_plans_and_costs_over_the_defaults() {
        let settings = json!({"organizations": {"plans": {"team": {"forecast": 7}}, "costs": {"levitate": 9, "*": 1}}});
        let features = Features::of(&Project { settings: settings.as_object().cloned().unwrap(), ..project() });
        assert_eq!(
            (features.cost("levitate"), features.cost("anything"), features.has_plan("team")),
            (Some(9), Some(1), true)
        );
        let forecast = features.account_plans().find(|(name, _)| name == "team/forecast").unwrap().1;
        assert_eq!((forecast.tokens, forecast.carry_over.keep), (7, Some(0)));
        let bad = json!({"plans": {"a/b": {}, "c": {"leads": 1, "forecast": -1}}, "costs": {"x": 0}});
        let mut reader = Reader::strict(&bad).unwrap();
        check(&mut reader);
        assert_eq!(reader.finish().unwrap_err().list().len(), 4);
    }
}

//! The kinds of tokens that an organization has.

use ltlm_protocol::read::Reader;

/// A kind of tokens: which pool a feature draws on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenType {
    /// Leads.
    LeadGeneration,
    /// Goals.
    GoalGeneration,
    /// Strategies.
    StrategyAnalysis,
    /// Forecasts.
    Forecast,
    /// Everything else.
    General,
}

impl TokenType {
    /// All of them, in the order in which they are listed.
    pub const ALL: &'static [Self] =
        &[Self::LeadGeneration, Self::GoalGeneration, Self::StrategyAnalysis, Self::Forecast, Self::General];

    /// The text on the wire.
    pub fn wire(self) -> &'static str {
        match self {
            Self::LeadGeneration => "lead_generation",
            Self::GoalGeneration => "goal_generation",
            Self::StrategyAnalysis => "strategy_analysis",
            Self::Forecast => "forecast",
            Self::General => "general",
        }
    }

    /// The kind with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|kind| kind.wire() == text).copied()
    }

    /// Reads the kind in a member, noting a mistake.
    pub(crate) fn read(r: &mut Reader<'_>, name: &'static str) -> Option<Self> {
        const WORDS: &[&str] = &["lead_generation", "goal_generation", "strategy_analysis", "forecast", "general"];
        r.word_opt(name, WORDS).and_then(Self::parse)
    }

    /// The kind that a feature draws on: by a word in its name, in this order.
    pub fn of_feature(feature: &str) -> Self {
        let words = [
            ("lead", Self::LeadGeneration),
            ("goal", Self::GoalGeneration),
            ("strategy", Self::StrategyAnalysis),
            ("forecast", Self::Forecast),
        ];
        words.iter().find(|(word, _)| feature.contains(word)).map_or(Self::General, |(_, kind)| *kind)
    }
}

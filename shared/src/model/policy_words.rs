//! The closed sets of words that a policy chooses from: parsed once at the edge, and never compared as texts.

/// An enum with the word of each variant, as it is on the wire and in the table.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$word_about:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$word_about])* $variant,)*
        }

        impl $name {
            /// All words, in the order of the variants.
            pub const WORDS: &'static [&'static str] = &[$($word,)*];

            /// Its word.
            pub const fn wire(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The variant with this word.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

words! {
    /// Kinds of policy (wire 3.3).
    PolicyKind {
        /// Licenses have no end.
        Perpetual = "perpetual",
        /// Licenses end with what is paid for.
        Subscription = "subscription",
        /// One for each buyer, for a while.
        Trial = "trial",
        /// Licenses end some days after they were issued.
        FixedDuration = "fixed_duration",
        /// Licenses are for tokens.
        UsageBased = "usage-based",
    }
}

words! {
    /// Is a policy still for sale?
    PolicyStatus {
        /// It is.
        Active = "active",
        /// It is not for sale, and continues to serve its licenses.
        Archived = "archived",
    }
}

words! {
    /// Environments that a policy can be for.
    Environment {
        /// Customers use it.
        Production = "production",
        /// For tests before production.
        Staging = "staging",
        /// It is in development.
        Development = "development",
    }
}

words! {
    /// How long a recurring interval is.
    Interval {
        /// 24 hours.
        Day = "day",
        /// Seven days.
        Week = "week",
        /// A month of the calendar, in UTC.
        Month = "month",
        /// A year of the calendar, in UTC.
        Year = "year",
    }
}

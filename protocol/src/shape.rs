//! What a body may hold, as its reader asked for it: each member that was asked for, and what it may be. A reader says it by reading
//! (`read.rs`), so there is no second list that could differ from the first.

use serde_json::{Map, Value};

use crate::limits;

/// Most unknown members that are told of one document.
const TOLD_MAX: usize = 20;

/// What a member may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Anything; its reader looks at it by itself.
    #[default]
    Any,
    /// A text of at most `max` characters.
    Text {
        /// Most characters.
        max: usize,
        /// An empty text counts as absent.
        may_be_empty: bool,
        /// It is not blank and holds no control characters.
        is_name: bool,
    },
    /// A text of at most `max` characters for people: without control characters but line breaks and tabs. Empty counts as absent.
    Prose {
        /// Most characters.
        max: usize,
    },
    /// Visible ASCII characters.
    Visible {
        /// Most characters.
        max: usize,
    },
    /// So many bytes in base64, of the standard alphabet and padded.
    Base64 {
        /// How many.
        bytes: usize,
    },
    /// An e-mail address.
    Email,
    /// A whole number, or a text of at most `max` characters.
    WholeOrText {
        /// Most characters.
        max: usize,
    },
    /// A whole number.
    Whole {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// A whole number, or a word in place of it.
    WholeOrWord {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
        /// The word.
        word: &'static str,
    },
    /// True or false.
    Flag,
    /// One of these words.
    Word(Vec<&'static str>),
    /// An amount of money.
    Price,
    /// An instant, ISO 8601.
    Instant,
    /// A list of texts.
    Texts {
        /// Most of them.
        most: usize,
        /// Most characters of each.
        max: usize,
    },
    /// A list of some of these words.
    Words(Vec<&'static str>),
    /// An object of the vendor's own, with any members.
    Free {
        /// Most bytes of compact JSON.
        bytes_max: usize,
    },
    /// An object with the members of the shape.
    Object,
    /// A list of such objects.
    Objects {
        /// Most of them.
        most: usize,
    },
    /// A list of such objects. A row that is not one is skipped and reported.
    AnyObjects {
        /// Most of them.
        most: usize,
    },
    /// An object whose members may have any names, each an object with the members of the shape.
    Map {
        /// Most of them.
        most: usize,
    },
    /// An object whose members may have any names, each a whole number.
    Wholes {
        /// Most of them.
        most: usize,
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
}

impl Kind {
    /// Does this say more than `other` of the same member?
    fn says_more_than(&self, other: &Self) -> bool {
        match other {
            Self::Any => *self != Self::Any,
            // Its size was bounded first, its members are read then.
            Self::Free { .. } => !matches!(self, Self::Any | Self::Free { .. }),
            // Its characters were bounded first, what they are is read then.
            Self::Text { .. } => !matches!(self, Self::Any | Self::Text { .. }),
            Self::Texts { .. } => matches!(self, Self::Words(_)),
            _ => false,
        }
    }
}

/// A member that a reader asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// What it may be.
    pub kind: Kind,
    /// Must it be there?
    pub is_required: bool,
    /// What it means, where its name does not say it.
    pub about: Option<&'static str>,
    /// Is it another name of a member, which only its reader knows?
    pub is_alias: bool,
    /// Its own members, or those of each of its rows.
    pub shape: Shape,
}

/// The members of an object, in the order in which they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The members.
    pub members: Vec<Member>,
}

impl Shape {
    /// The member called `name`.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// Notes a member, or what more is known of one.
    pub(crate) fn note(&mut self, name: &str, kind: Kind) -> &mut Member {
        let place = self.members.iter().position(|member| member.name == name);
        let place = place.unwrap_or_else(|| {
            self.members.push(Member { name: name.to_owned(), ..Member::default() });
            self.members.len() - 1
        });
        let member = &mut self.members[place];
        if kind.says_more_than(&member.kind) {
            member.kind = kind;
        }
        member
    }

    /// Notes all that `other` has.
    pub(crate) fn merge(&mut self, other: Self) {
        for member in other.members {
            let noted = self.note(&member.name, member.kind);
            noted.is_required |= member.is_required;
            noted.is_alias |= member.is_alias;
            noted.about = noted.about.or(member.about);
            noted.shape.merge(member.shape);
        }
    }

    /// The members of `given`, at any depth, that no reader asked for: where each is, and what is said of it. One that is in
    /// `found` as well is none if it stays as it is there, or is taken away.
    pub fn strays(&self, given: &Map<String, Value>, found: Option<&Map<String, Value>>) -> Vec<(String, String)> {
        let mut strays = Vec::new();
        self.collect("", given, found, &mut strays);
        strays.truncate(TOLD_MAX);
        strays
    }

    fn collect(
        &self,
        path: &str,
        given: &Map<String, Value>,
        found: Option<&Map<String, Value>>,
        strays: &mut Vec<(String, String)>,
    ) {
        for (name, value) in given {
            if strays.len() >= TOLD_MAX {
                return;
            }
            let there = found.and_then(|found| found.get(name));
            let path = joined(path, name);
            match self.member(name) {
                None if there.is_some_and(|there| value.is_null() || there == value) => {}
                None => strays.push((path, self.stray(name))),
                Some(member) => member.collect(&path, value, there, strays),
            }
        }
    }

    /// What is said of a member that nobody asked for.
    fn stray(&self, name: &str) -> String {
        match nearest(name, self.members.iter().map(|member| member.name.as_str())) {
            Some(nearest) => format!("is not known here: did you mean `{nearest}`?"),
            None => "is not known here".to_owned(),
        }
    }
}

impl Member {
    fn collect(&self, path: &str, value: &Value, found: Option<&Value>, strays: &mut Vec<(String, String)>) {
        match (&self.kind, value) {
            (Kind::Object, Value::Object(given)) => {
                self.shape.collect(path, given, found.and_then(Value::as_object), strays);
            }
            (Kind::Objects { .. }, Value::Array(rows)) => {
                for (index, row) in rows.iter().enumerate() {
                    let Some(given) = row.as_object() else { continue };
                    let found = found.and_then(|found| found.get(index)).and_then(Value::as_object);
                    self.shape.collect(&format!("{path}[{index}]"), given, found, strays);
                }
            }
            (Kind::Map { .. }, Value::Object(rows)) => {
                for (name, row) in rows {
                    let Some(given) = row.as_object() else { continue };
                    let found = found.and_then(|found| found.get(name)).and_then(Value::as_object);
                    self.shape.collect(&joined(path, name), given, found, strays);
                }
            }
            _ => {}
        }
    }
}

/// A path and a member in it, whose name is not told longer than any of ours could be.
fn joined(path: &str, name: &str) -> String {
    let name: String = name.chars().take(limits::NAME_CHARS_MAX).collect();
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

/// The one of `known` that was probably meant by `name`.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let closeness = |candidate: &str| strsim::jaro_winkler(&name, &candidate.to_lowercase());
    known.max_by(|one, other| closeness(one).total_cmp(&closeness(other)))
}

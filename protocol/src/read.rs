//! Reading a request's JSON: every mistake is collected, so that a caller mends all of them at once.

use serde_json::{Map, Value};

use crate::Amount;
use crate::code::holds_reserved_word;
use crate::limits;

/// One mistake in a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where: member names joined by dots, `""` for the body itself.
    pub path: String,
    /// What is wrong, as the end of a sentence that starts with the path.
    pub text: String,
    /// What is said of it where it is the only mistake, if a contract gives the words.
    pub sentence: Option<&'static str>,
}

/// All mistakes of a request, at least one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// A single mistake.
    pub fn one(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self(vec![Problem { path: path.into(), text: text.into(), sentence: None }])
    }

    /// These mistakes, each a path and what is wrong there; `None` if there are none.
    pub fn all(mistakes: impl IntoIterator<Item = (String, String)>) -> Option<Self> {
        let list: Vec<_> = mistakes.into_iter().map(|(path, text)| Problem { path, text, sentence: None }).collect();
        (!list.is_empty()).then_some(Self(list))
    }

    /// The mistakes, in reading order.
    pub fn list(&self) -> &[Problem] {
        &self.0
    }

    /// The first mistake as a sentence. Names of members can hold words that the existing client branches on (wire 1.4):
    /// such a sentence is replaced by a general one, and the mistake stays in the details.
    pub fn message(&self) -> String {
        let first = &self.0[0];
        if let ([_], Some(sentence)) = (&self.0[..], first.sentence) {
            return sentence.to_owned();
        }
        let sentence = match first.path.as_str() {
            "" => format!("The request {}.", first.text),
            path => format!("{path} {}.", first.text),
        };
        match holds_reserved_word(&sentence) {
            true => "A member of the request is not as documented: see details.".to_owned(),
            false => sentence,
        }
    }

    /// The mistakes as JSON for the error's details.
    pub fn details(&self) -> Value {
        let rows = self.0.iter().map(|p| serde_json::json!({"path": p.path, "problem": p.text}));
        serde_json::json!({ "problems": rows.collect::<Vec<_>>() })
    }
}

/// What is wrong with a name that is none.
pub const NAME_PROBLEM: &str = "must not be blank, nor hold control characters";

/// Can people tell by this text who or what is meant? It is not blank, and holds no control characters.
pub fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(char::is_control)
}

/// Reads the members of one JSON object and notes what is wrong with them. A method that notes a problem returns a
/// harmless value; [`Reader::finish`] then refuses the whole.
pub struct Reader<'a> {
    object: &'a Map<String, Value>,
    path: String,
    problems: Vec<Problem>,
}

static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);

impl<'a> Reader<'a> {
    /// Starts on a request body, which must be an object.
    pub fn new(body: &'a Value) -> Result<Self, Problems> {
        let object = body.as_object().ok_or_else(|| Problems::one("", "must be a JSON object"))?;
        Ok(Self { object, path: String::new(), problems: Vec::new() })
    }

    /// Ends: all the mistakes, if there are any.
    pub fn finish(self) -> Result<(), Problems> {
        match self.problems.is_empty() {
            true => Ok(()),
            false => Err(Problems(self.problems)),
        }
    }

    /// Notes a mistake of the member `name`.
    pub fn problem(&mut self, name: &str, text: impl Into<String>) {
        let path = self.path_of(name);
        self.problems.push(Problem { path, text: text.into(), sentence: None });
    }

    /// The value of `name`; an explicit null counts as absent (wire 1.3).
    pub fn value(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Notes that `name` is missing, if it is.
    pub fn require(&mut self, name: &str) {
        if self.value(name).is_none() {
            self.problem(name, "is required");
        }
    }

    /// A text of 1 to `max` characters that must be there.
    pub fn text(&mut self, name: &str, max: usize) -> String {
        self.require(name);
        self.text_opt(name, max).unwrap_or_default()
    }

    /// A text of 1 to `max` characters, or nothing.
    pub fn text_opt(&mut self, name: &str, max: usize) -> Option<String> {
        match self.value(name)? {
            Value::String(text) if (1..=max).contains(&text.chars().count()) => Some(text.clone()),
            _ => {
                self.problem(name, format!("must be a text of 1 to {max} characters"));
                None
            }
        }
    }

    /// A text that may be empty, of at most `max` characters; an empty one counts as absent.
    pub fn text_or_empty(&mut self, name: &str, max: usize) -> Option<String> {
        match self.value(name)? {
            Value::String(text) if text.is_empty() => None,
            _ => self.text_opt(name, max),
        }
    }

    /// A name of 1 to `max` characters that must be there: a text that [`is_name`].
    pub fn name(&mut self, name: &str, max: usize) -> String {
        self.require(name);
        self.name_opt(name, max).unwrap_or_default()
    }

    /// A name of 1 to `max` characters, or nothing.
    pub fn name_opt(&mut self, name: &str, max: usize) -> Option<String> {
        let text = self.text_opt(name, max)?;
        if !is_name(&text) {
            self.problem(name, NAME_PROBLEM);
        }
        Some(text)
    }

    /// A name of at most `max` characters; a blank one counts as absent.
    pub fn name_or_blank(&mut self, name: &str, max: usize) -> Option<String> {
        let text = self.text_or_empty(name, max)?;
        if text.chars().any(char::is_control) {
            self.problem(name, NAME_PROBLEM);
        }
        Some(text).filter(|text| !text.trim().is_empty())
    }

    /// A whole number within `min..=max` that must be there. `5.0` is one, as in JSON Schema; `"5"` is not.
    pub fn int(&mut self, name: &str, min: i64, max: i64) -> i64 {
        self.require(name);
        self.int_opt(name, min, max).unwrap_or(min)
    }

    /// A whole number within `min..=max`, or nothing.
    pub fn int_opt(&mut self, name: &str, min: i64, max: i64) -> Option<i64> {
        let value = self.value(name)?;
        let number = whole(value).filter(|n| (min..=max).contains(n));
        if number.is_none() {
            self.problem(name, format!("must be a whole number from {min} to {max}"));
        }
        number
    }

    /// A whole number as [`Reader::int`] reads it. Of a number below `min` the words `too_small` are said.
    pub fn int_worded(&mut self, name: &str, min: i64, max: i64, too_small: &'static str) -> i64 {
        let noted = self.problems.len();
        let number = self.int(name, min, max);
        let is_too_small = self.value(name).and_then(Value::as_f64).is_some_and(|number| number < min as f64);
        if let (true, Some(problem)) = (is_too_small, self.problems.get_mut(noted)) {
            problem.sentence = Some(too_small);
        }
        number
    }

    /// True or false, or nothing.
    pub fn bool_opt(&mut self, name: &str) -> Option<bool> {
        let value = self.value(name)?;
        if !value.is_boolean() {
            self.problem(name, "must be true or false");
        }
        value.as_bool()
    }

    /// One of the words `allowed`, or nothing.
    pub fn word_opt(&mut self, name: &str, allowed: &[&'static str]) -> Option<&'static str> {
        let value = self.value(name)?;
        let word = value.as_str().and_then(|text| allowed.iter().find(|word| **word == text).copied());
        if word.is_none() {
            self.problem(name, format!("must be one of {}", allowed.join(", ")));
        }
        word
    }

    /// An amount of money: a number from 0 to 99,999,999.99 with at most two decimals (wire rule N-2).
    pub fn price_opt(&mut self, name: &str) -> Option<Amount> {
        let value = self.value(name)?;
        let price = value.as_f64().and_then(Amount::of_number);
        let price = price.filter(|price| (Amount::default()..=Amount::MAX).contains(price));
        if price.is_none() {
            self.problem(name, "must be a price from 0 to 99999999.99 with at most two decimals");
        }
        price
    }

    /// A list of at most `most` texts of 1 to `max` characters, or nothing.
    pub fn texts_opt(&mut self, name: &str, most: usize, max: usize) -> Option<Vec<String>> {
        let value = self.value(name)?;
        let texts = value.as_array().filter(|list| list.len() <= most).and_then(|list| {
            list.iter()
                .map(|v| v.as_str().filter(|t| (1..=max).contains(&t.chars().count())).map(str::to_owned))
                .collect()
        });
        if texts.is_none() {
            self.problem(name, format!("must be a list of at most {most} texts of 1 to {max} characters"));
        }
        texts
    }

    /// A free-form object of at most `bytes_max` bytes of compact JSON, or nothing.
    pub fn document_opt(&mut self, name: &str, bytes_max: usize) -> Option<Map<String, Value>> {
        let value = self.value(name)?;
        let Some(object) = value.as_object() else {
            self.problem(name, "must be a JSON object");
            return None;
        };
        if value.to_string().len() > bytes_max {
            self.problem(name, format!("must be at most {bytes_max} bytes of compact JSON"));
        }
        if depth(value) > limits::DOCUMENT_DEPTH_MAX {
            self.problem(name, format!("must nest at most {} levels", limits::DOCUMENT_DEPTH_MAX));
        }
        Some(object.clone())
    }

    /// Reads the object `name` with `read`; an absent one reads as empty.
    pub fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Reader<'a>) -> T) -> T {
        let object = match self.value(name) {
            None => &*EMPTY,
            Some(Value::Object(object)) => object,
            Some(_) => {
                self.problem(name, "must be a JSON object");
                &*EMPTY
            }
        };
        let mut inner = Reader { object, path: self.path_of(name), problems: Vec::new() };
        let read = read(&mut inner);
        self.problems.append(&mut inner.problems);
        read
    }

    /// Reads each object of the list `name` (at most `most`) with `read`; an absent list reads as empty.
    pub fn objects<T>(&mut self, name: &str, most: usize, mut read: impl FnMut(&mut Reader<'a>) -> T) -> Vec<T> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let Some(list) = value.as_array().filter(|list| list.len() <= most) else {
            self.problem(name, format!("must be a list of at most {most} objects"));
            return Vec::new();
        };
        let mut rows = Vec::with_capacity(list.len());
        for (index, row) in list.iter().enumerate() {
            let path = format!("{}[{index}]", self.path_of(name));
            match row.as_object() {
                None => self.problems.push(Problem { path, text: "must be a JSON object".into(), sentence: None }),
                Some(object) => {
                    let mut inner = Reader { object, path, problems: Vec::new() };
                    rows.push(read(&mut inner));
                    self.problems.append(&mut inner.problems);
                }
            }
        }
        rows
    }

    fn path_of(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }
}

/// The whole number that a JSON number is.
pub fn whole(value: &Value) -> Option<i64> {
    // Up to 2^53 every whole number has a double of its own.
    let of_double =
        |number: f64| (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64);
    value.as_i64().or_else(|| value.as_f64().and_then(of_double))
}

/// How deep a JSON value nests, a scalar counting 1. Iterative in effect: serde_json refuses more than 128 levels on
/// parsing, so the recursion is bounded.
pub fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Array(list) => list.iter().map(depth).max(),
        Value::Object(object) => object.values().map(depth).max(),
        _ => return 1,
    };
    1 + inner.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_mistakes_are_listed_in_reading_order() {
        let body = json!({"a": 5.5, "b": "", "deep": {"c": "x"}, "rows": [{"d": 0}, 7]});
        let mut reader = Reader::new(&body).unwrap();
        reader.int("a", 1, 9);
        reader.text("b", 5);
        reader.text("missing", 5);
        reader.object("deep", |deep| deep.bool_opt("c"));
        reader.objects("rows", 5, |row| row.int("d", 1, 2));
        let problems = reader.finish().unwrap_err();
        let paths: Vec<_> = problems.list().iter().map(|p| p.path.as_str()).collect();
        assert_eq!(paths, ["a", "b", "missing", "deep.c", "rows[0].d", "rows[1]"]);
        assert_eq!(problems.message(), "a must be a whole number from 1 to 9.");
    }

    #[test]
    fn a_message_never_says_a_reserved_word() {
        for name in ["version", "clientVersion", "limits.tokens", "network"] {
            assert!(!holds_reserved_word(&Problems::one(name, "is required").message()), "{name}");
        }
        assert_eq!(Problems::one("hwid", "is required").message(), "hwid is required.");
    }

    #[test]
    fn depth_counts_levels() {
        assert_eq!(depth(&json!(1)), 1);
        assert_eq!(depth(&json!({})), 1);
        assert_eq!(depth(&json!({"a": [1]})), 3);
    }
}

//! Reading a request's JSON: every mistake is collected, so that a caller mends all of them at once.

use serde_json::{Map, Value};

use crate::code::holds_reserved_word;
use crate::shape::{Kind, Shape};
use crate::{Amount, limits};

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
        // What asks back ends with its question mark.
        let end = if first.text.ends_with('?') { "" } else { "." };
        let sentence = match first.path.as_str() {
            "" => format!("The request {}{end}", first.text),
            path => format!("{path} {}{end}", first.text),
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

/// What is wrong with a text for people that holds control characters.
pub const PROSE_PROBLEM: &str = "must hold no control characters but line breaks and tabs";

/// Is this a text for people: without control characters but line breaks and tabs?
fn is_prose(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// Reads the members of one JSON object and notes what is wrong with them. A method that notes a problem returns a
/// harmless value; [`Reader::finish`] then refuses the whole. What is asked for is remembered as the body's [`Shape`].
pub struct Reader<'a> {
    object: &'a Map<String, Value>,
    path: String,
    problems: Vec<Problem>,
    shape: Shape,
    strays: Strays<'a>,
}

/// What becomes of members that nothing asks for.
#[derive(Clone, Copy)]
enum Strays<'a> {
    /// They are passed over.
    Passed,
    /// They are refused.
    Refused,
    /// Those of this patch are refused, unless what it is merged into has them too.
    RefusedIn { patch: &'a Map<String, Value>, found: Option<&'a Map<String, Value>> },
    /// There are none: nothing is read, only asked for.
    Asked,
}

static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);

impl<'a> Reader<'a> {
    /// Starts on a body that may hold more than is asked for, which must be an object.
    pub fn new(body: &'a Value) -> Result<Self, Problems> {
        let object = body.as_object().ok_or_else(|| Problems::one("", "must be a JSON object"))?;
        Ok(Self { object, path: String::new(), problems: Vec::new(), shape: Shape::default(), strays: Strays::Passed })
    }

    /// Starts on a body that may hold nothing but what is asked for.
    pub fn strict(body: &'a Value) -> Result<Self, Problems> {
        Ok(Self { strays: Strays::Refused, ..Self::new(body)? })
    }

    /// Starts on the body of a `PATCH`, which may hold nothing but what is asked for. A null may take away what should not be there:
    /// whether it is, [`Reader::patched`] knows.
    pub fn patch(body: &'a Value) -> Result<Self, Problems> {
        let reader = Self::new(body)?;
        Ok(Self { strays: Strays::RefusedIn { patch: reader.object, found: None }, ..reader })
    }

    /// Starts on what `patch` has made of `found`. Members that nothing asks for are refused if the patch brings them; those that
    /// were there already may stay.
    pub fn patched(
        whole: &'a Value,
        patch: &'a Map<String, Value>,
        found: &'a Map<String, Value>,
    ) -> Result<Self, Problems> {
        Ok(Self { strays: Strays::RefusedIn { patch, found: Some(found) }, ..Self::new(whole)? })
    }

    /// What `read` asks for, whatever there is.
    pub fn shape_of<T>(read: impl FnOnce(&mut Reader<'static>) -> T) -> Shape {
        let mut reader = Reader::within(&EMPTY, String::new(), Strays::Asked);
        read(&mut reader);
        reader.shape
    }

    fn within(object: &'a Map<String, Value>, path: String, strays: Strays<'a>) -> Self {
        Self { object, path, problems: Vec::new(), shape: Shape::default(), strays }
    }

    /// Ends: all the mistakes, if there are any.
    pub fn finish(mut self) -> Result<(), Problems> {
        let strays = match self.strays {
            Strays::Passed | Strays::Asked => Vec::new(),
            Strays::Refused => self.shape.strays(self.object, None),
            Strays::RefusedIn { patch, found: None } => self.shape.strays(patch, Some(&nulls(patch))),
            Strays::RefusedIn { patch, found } => self.shape.strays(patch, found),
        };
        self.problems.extend(strays.into_iter().map(|(path, text)| Problem { path, text, sentence: None }));
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
    pub fn value(&mut self, name: &str) -> Option<&'a Value> {
        self.value_of(name, Kind::Any)
    }

    /// The value of `name`, which is of this kind.
    pub fn value_of(&mut self, name: &str, kind: Kind) -> Option<&'a Value> {
        self.shape.note(name, kind);
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Says of a member that was read, or will be, what more is known of it.
    pub fn is(&mut self, name: &str, kind: Kind) {
        self.shape.note(name, kind);
    }

    /// Says of a member that was read what it means.
    pub fn about(&mut self, name: &str, about: &'static str) {
        self.shape.note(name, Kind::Any).about = Some(about);
    }

    /// Says of a member that was read that it is another name of one, which documents leave out.
    pub fn is_alias(&mut self, name: &str) {
        self.shape.note(name, Kind::Any).is_alias = true;
    }

    /// Is there a member `name`, be it null?
    pub fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    /// Is the member `name` an explicit null?
    pub fn is_null(&self, name: &str) -> bool {
        self.object.get(name).is_some_and(Value::is_null)
    }

    /// All members as they were sent, nulls included, for a caller that checks them later: none counts as unknown.
    pub fn rest(&mut self) -> Map<String, Value> {
        let names: Vec<_> = self.object.keys().map(String::as_str).collect();
        self.also(&names);
        self.object.clone()
    }

    /// The members of these names as they were sent, nulls included, for a caller that merges them into a document.
    pub fn taken(&mut self, names: &[&str]) -> Map<String, Value> {
        self.also(names);
        let named = |name: &&str| Some(((*name).to_owned(), self.object.get(*name)?.clone()));
        names.iter().filter_map(named).collect()
    }

    /// Says that members of these names are read elsewhere.
    pub fn also(&mut self, names: &[&str]) {
        for name in names {
            self.shape.note(name, Kind::Any);
        }
    }

    /// Notes that `name` is missing, if it is.
    pub fn require(&mut self, name: &str) {
        self.shape.note(name, Kind::Any).is_required = true;
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
        match self.value_of(name, Kind::Text { max, may_be_empty: false, is_name: false })? {
            Value::String(text) if (1..=max).contains(&text.chars().count()) => Some(text.clone()),
            _ => {
                self.problem(name, format!("must be a text of 1 to {max} characters"));
                None
            }
        }
    }

    /// A text that may be empty, of at most `max` characters; an empty one counts as absent.
    pub fn text_or_empty(&mut self, name: &str, max: usize) -> Option<String> {
        match self.value_of(name, Kind::Text { max, may_be_empty: true, is_name: false })? {
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
        self.shape.note(name, Kind::Text { max, may_be_empty: false, is_name: true });
        let text = self.text_opt(name, max)?;
        if !is_name(&text) {
            self.problem(name, NAME_PROBLEM);
        }
        Some(text)
    }

    /// A name of at most `max` characters; a blank one counts as absent.
    pub fn name_or_blank(&mut self, name: &str, max: usize) -> Option<String> {
        self.shape.note(name, Kind::Text { max, may_be_empty: true, is_name: true });
        let text = self.text_or_empty(name, max)?;
        if text.chars().any(char::is_control) {
            self.problem(name, NAME_PROBLEM);
        }
        Some(text).filter(|text| !text.trim().is_empty())
    }

    /// A text for people of at most `max` characters, which may have several lines; an empty one counts as absent.
    pub fn prose_or_empty(&mut self, name: &str, max: usize) -> Option<String> {
        self.shape.note(name, Kind::Prose { max });
        let text = self.text_or_empty(name, max)?;
        if !is_prose(&text) {
            self.problem(name, PROSE_PROBLEM);
        }
        Some(text)
    }

    /// A whole number within `min..=max` that must be there. `5.0` is one, as in JSON Schema; `"5"` is not.
    pub fn int(&mut self, name: &str, min: i64, max: i64) -> i64 {
        self.require(name);
        self.int_opt(name, min, max).unwrap_or(min)
    }

    /// A whole number within `min..=max`, or nothing.
    pub fn int_opt(&mut self, name: &str, min: i64, max: i64) -> Option<i64> {
        let value = self.value_of(name, Kind::Whole { min, max })?;
        let number = whole(value).filter(|n| (min..=max).contains(n));
        if number.is_none() {
            self.problem(name, format!("must be a whole number from {min} to {max}"));
        }
        number
    }

    /// A whole number within `min..=max`, or the word `word`, or nothing. Whoever stores the document reads it from there.
    pub fn int_or_word_opt(&mut self, name: &str, min: i64, max: i64, word: &'static str) {
        let Some(value) = self.value_of(name, Kind::WholeOrWord { min, max, word }) else { return };
        let is_number = whole(value).is_some_and(|number| (min..=max).contains(&number));
        if !is_number && value.as_str() != Some(word) {
            self.problem(name, format!("must be a whole number from {min} to {max}, or \"{word}\""));
        }
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
        let value = self.value_of(name, Kind::Flag)?;
        if !value.is_boolean() {
            self.problem(name, "must be true or false");
        }
        value.as_bool()
    }

    /// One of the words `allowed`, or nothing.
    pub fn word_opt(&mut self, name: &str, allowed: &[&'static str]) -> Option<&'static str> {
        let value = self.value_of(name, Kind::Word(allowed.to_vec()))?;
        let word = value.as_str().and_then(|text| allowed.iter().find(|word| **word == text).copied());
        if word.is_none() {
            self.problem(name, format!("must be one of {}", allowed.join(", ")));
        }
        word
    }

    /// An amount of money: a number from 0 to 99,999,999.99 with at most two decimals (wire rule N-2).
    pub fn price_opt(&mut self, name: &str) -> Option<Amount> {
        let value = self.value_of(name, Kind::Price)?;
        let price = value.as_f64().and_then(Amount::of_number);
        let price = price.filter(|price| (Amount::default()..=Amount::MAX).contains(price));
        if price.is_none() {
            self.problem(name, "must be a price from 0 to 99999999.99 with at most two decimals");
        }
        price
    }

    /// A list of at most `most` texts of 1 to `max` characters, or nothing.
    pub fn texts_opt(&mut self, name: &str, most: usize, max: usize) -> Option<Vec<String>> {
        let value = self.value_of(name, Kind::Texts { most, max })?;
        let texts = value.as_array().filter(|list| list.len() <= most).and_then(|list| {
            list.iter()
                .map(|v| v.as_str().filter(|t| (1..=max).contains(&t.chars().count())).map(str::to_owned))
                .collect()
        });
        if texts.is_none() {
            self.problem(name, format!("must be a list of at most {most} texts of 1 to {max} characters"));
        }
        if texts.iter().flatten().any(|text: &String| text.chars().any(char::is_control)) {
            self.problem(name, "must hold no control characters");
        }
        texts
    }

    /// A free-form object of at most `bytes_max` bytes of compact JSON, or nothing.
    pub fn document_opt(&mut self, name: &str, bytes_max: usize) -> Option<Map<String, Value>> {
        let value = self.value_of(name, Kind::Free { bytes_max })?;
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
        let object = match self.value_of(name, Kind::Object) {
            None => &*EMPTY,
            Some(Value::Object(object)) => object,
            Some(_) => {
                self.problem(name, "must be a JSON object");
                &*EMPTY
            }
        };
        self.row(name, self.path_of(name), object, read)
    }

    /// Reads each object of the list `name` (at most `most`) with `read`; an absent list reads as empty.
    pub fn objects<T>(&mut self, name: &str, most: usize, mut read: impl FnMut(&mut Reader<'a>) -> T) -> Vec<T> {
        let value = self.value_of(name, Kind::Objects { most });
        self.ask_for_a_row(name, &mut read);
        let Some(value) = value else { return Vec::new() };
        let Some(list) = value.as_array().filter(|list| list.len() <= most) else {
            self.problem(name, format!("must be a list of at most {most} objects"));
            return Vec::new();
        };
        let paths = (0..list.len()).map(|index| format!("{}[{index}]", self.path_of(name)));
        let rows: Vec<_> = paths.zip(list).collect();
        rows.into_iter().filter_map(|(path, row)| self.row_of(name, path, row, &mut read)).collect()
    }

    /// The list `name`, of at most `most` rows, which a refusal calls `rows`. `read` describes a usable row; an unusable one is not refused
    /// here.
    pub fn any_objects(
        &mut self,
        name: &str,
        most: usize,
        rows: &str,
        mut read: impl FnMut(&mut Reader<'a>),
    ) -> &'a [Value] {
        self.require(name);
        let value = self.value_of(name, Kind::AnyObjects { most });
        self.ask_for_a_row(name, &mut read);
        let list = value.and_then(Value::as_array).filter(|list| list.len() <= most);
        if value.is_some() && list.is_none() {
            self.problem(name, format!("must be a list of at most {most} {rows}"));
        }
        list.map_or(&[], Vec::as_slice)
    }

    /// Reads each object of the map `name`, which has at most `most` members of any names, with `read`, which is also told the name.
    /// Of a map that is too large, or none, no row is read.
    pub fn map<T>(&mut self, name: &str, most: usize, mut read: impl FnMut(&str, &mut Reader<'a>) -> T) {
        let value = self.value_of(name, Kind::Map { most });
        self.ask_for_a_row(name, &mut |row: &mut Reader<'a>| read("", row));
        for (key, row) in self.members(name, value, most) {
            let path = format!("{}.{key}", self.path_of(name));
            self.row_of(name, path, row, &mut |row: &mut Reader<'a>| read(key, row));
        }
    }

    /// Checks each whole number of the map `name`, which has at most `most` members of any names.
    pub fn wholes(&mut self, name: &str, most: usize, min: i64, max: i64) {
        let value = self.value_of(name, Kind::Wholes { most, min, max });
        for (key, value) in self.members(name, value, most) {
            if !whole(value).is_some_and(|number| (min..=max).contains(&number)) {
                self.problem(&format!("{name}.{key}"), format!("must be a whole number from {min} to {max}"));
            }
        }
    }

    /// The members of a map of at most `most`; none of what is absent or no such map.
    fn members(&mut self, name: &str, value: Option<&'a Value>, most: usize) -> Vec<(&'a String, &'a Value)> {
        let Some(value) = value else { return Vec::new() };
        match value.as_object().filter(|object| object.len() <= most) {
            Some(object) if object.keys().any(|key| key.chars().any(char::is_control)) => {
                self.problem(name, "must have no names with control characters");
                Vec::new()
            }
            Some(object) => object.iter().collect(),
            None => {
                self.problem(name, format!("must be a JSON object of at most {most} members"));
                Vec::new()
            }
        }
    }

    /// Where only the shape is asked for, there is no row: one is asked for.
    fn ask_for_a_row<T>(&mut self, name: &str, read: &mut impl FnMut(&mut Reader<'a>) -> T) {
        if matches!(self.strays, Strays::Asked) {
            self.row(name, String::new(), &EMPTY, read);
        }
    }

    fn row_of<T>(
        &mut self,
        name: &str,
        path: String,
        row: &'a Value,
        read: &mut impl FnMut(&mut Reader<'a>) -> T,
    ) -> Option<T> {
        match row.as_object() {
            Some(object) => Some(self.row(name, path, object, read)),
            None => {
                self.problems.push(Problem { path, text: "must be a JSON object".into(), sentence: None });
                None
            }
        }
    }

    /// Reads one object of the member `name`.
    fn row<T>(
        &mut self,
        name: &str,
        path: String,
        object: &'a Map<String, Value>,
        read: impl FnOnce(&mut Reader<'a>) -> T,
    ) -> T {
        let mut inner = Reader::within(object, path, self.strays);
        let read = read(&mut inner);
        self.problems.append(&mut inner.problems);
        self.shape.note(name, Kind::Any).shape.merge(inner.shape);
        read
    }

    /// The path of a member; that of the object itself for no name.
    fn path_of(&self, name: &str) -> String {
        match (self.path.as_str(), name) {
            ("", _) => name.to_owned(),
            (path, "") => path.to_owned(),
            (path, _) => format!("{path}.{name}"),
        }
    }
}

/// The nulls of a document, wherever they are: what it would take away.
fn nulls(document: &Map<String, Value>) -> Map<String, Value> {
    let nulls = document.iter().filter_map(|(name, value)| match value {
        Value::Null => Some((name.clone(), Value::Null)),
        Value::Object(inner) => Some((name.clone(), Value::Object(nulls(inner)))),
        _ => None,
    });
    nulls.collect()
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

    fn read(r: &mut Reader<'_>) {
        r.document_opt("limits", 100);
        r.object("limits", |limits| {
            limits.object("seats", |seats| {
                seats.bool_opt("enabled");
                seats.int_opt("maxSeats", 0, 9);
            });
        });
        r.document_opt("metadata", 100);
        r.objects("packs", 3, |pack| pack.text("packId", 5));
        r.map("plans", 3, |_, plan| plan.int("tokens", 0, 9));
    }

    fn strays(problems: Result<(), Problems>) -> Vec<String> {
        let problems = problems.err();
        problems.iter().flat_map(|p| p.list()).map(|p| format!("{} {}", p.path, p.text)).collect()
    }

    #[test]
    fn a_member_that_nothing_asks_for_is_told_with_the_nearest_that_something_does() {
        let body = json!({"limits": {"seats": {"enable": true}}, "metadata": {"any": {"thing": 1}}, "Packs": [],
            "packs": [{"packId": "a", "nmae": 1}], "plans": {"Any": {"tokens": 1, "token": 2}}});
        let mut reader = Reader::strict(&body).unwrap();
        read(&mut reader);
        let mean = |path: &str, name: &str| format!("{path} is not known here: did you mean `{name}`?");
        let expected = [
            mean("limits.seats.enable", "enabled"),
            mean("Packs", "packs"),
            mean("packs[0].nmae", "packId"),
            mean("plans.Any.token", "tokens"),
        ];
        assert_eq!(strays(reader.finish()), expected);
        let mut tolerant = Reader::new(&body).unwrap();
        read(&mut tolerant);
        assert!(tolerant.finish().is_ok());
        assert_eq!(
            Problems::one("a", "is not known here: did you mean `b`?").message(),
            "a is not known here: did you mean `b`?"
        );
    }

    #[test]
    fn what_is_stored_may_stay_and_be_taken_away_and_only_the_patch_is_refused() {
        let found = json!({"limits": {"old": 1, "older": 2}});
        let patched = |patch: Value| {
            let mut whole = found.clone();
            crate::merge::merge(whole.as_object_mut().unwrap(), patch.as_object().unwrap(), &[]);
            let mut reader = Reader::patched(&whole, patch.as_object().unwrap(), found.as_object().unwrap()).unwrap();
            read(&mut reader);
            strays(reader.finish())
        };
        assert!(patched(json!({"limits": {"seats": {"maxSeats": 1}}})).is_empty());
        assert!(patched(json!({"limits": {"old": null, "older": 2}})).is_empty());
        assert_eq!(patched(json!({"limits": {"old": 3}})).len(), 1);
        assert_eq!(patched(json!({"limits": {"new": null}})).len(), 1);
        let null = json!({"limits": {"new": null, "newer": 1}});
        let mut alone = Reader::patch(&null).unwrap();
        read(&mut alone);
        assert_eq!(strays(alone.finish()).len(), 1, "who knows what is stored judges the null");
    }

    #[test]
    fn a_shape_is_what_is_asked_for_rows_included() {
        let shape = Reader::shape_of(read);
        let names = |shape: &Shape| shape.members.iter().map(|m| m.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&shape), ["limits", "metadata", "packs", "plans"]);
        let kind = |name: &str| shape.member(name).unwrap().kind.clone();
        assert_eq!((kind("limits"), kind("packs")), (Kind::Object, Kind::Objects { most: 3 }));
        let pack = shape.member("packs").unwrap().shape.member("packId").unwrap().clone();
        assert!(pack.is_required);
        assert_eq!(names(&shape.member("plans").unwrap().shape), ["tokens"]);
    }

    #[test]
    fn depth_counts_levels() {
        assert_eq!(depth(&json!(1)), 1);
        assert_eq!(depth(&json!({})), 1);
        assert_eq!(depth(&json!({"a": [1]})), 3);
    }
}

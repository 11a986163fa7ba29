//! Bodies of requests: what reads one also describes it, so that no second list of its members could differ from the first.

use serde_json::Value;

use crate::read::{Problems, Reader};
use crate::shape::Shape;

/// What becomes of members that a body's reader does not ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// They are ignored: existing clients send what they like (wire 1.3).
    Ignored,
    /// They are refused.
    Refused,
    /// They are refused, and a null takes away what should not be there: the body is a merge patch (RFC 7386), in which nothing must be.
    RefusedInPatch,
}

/// The body of a request.
pub trait Body: Sized {
    /// What becomes of members that [`Body::read`] does not ask for.
    const UNKNOWN: Unknown = Unknown::Refused;

    /// Reads the members. What is wrong with them is noted in the reader, and what is returned then is not used.
    fn read(r: &mut Reader<'_>) -> Self;

    /// The members that there may be.
    fn shape() -> Shape {
        Reader::shape_of(Self::read)
    }

    /// What JSON Schema can say beside the members, or of one of them beside its kind. It is merged into the schema of the members as
    /// RFC 7386 says.
    fn keywords() -> Value {
        Value::Object(serde_json::Map::new())
    }

    /// A reader of the body, which must be an object.
    fn reader(body: &Value) -> Result<Reader<'_>, Problems> {
        match Self::UNKNOWN {
            Unknown::Ignored => Reader::new(body),
            Unknown::Refused => Reader::strict(body),
            Unknown::RefusedInPatch => Reader::patch(body),
        }
    }

    /// Parses the body, or says all that is wrong with it.
    fn parse(body: &Value) -> Result<Self, Problems> {
        Self::finish(Self::reader(body)?)
    }

    /// Parses what the reader holds, or says all that is wrong with it.
    fn finish(mut r: Reader<'_>) -> Result<Self, Problems> {
        let parsed = Self::read(&mut r);
        r.finish().map(|()| parsed)
    }
}

/// Keywords of JSON Schema: one of these members must be there. Null counts as absent but for members that are `nullable`.
pub fn one_of(names: &[&str], nullable: &[&str]) -> Vec<Value> {
    let needed = |name: &&str| match nullable.contains(name) {
        true => serde_json::json!({"required": [name]}),
        false => serde_json::json!({"required": [name], "properties": {*name: {"not": {"type": "null"}}}}),
    };
    names.iter().map(needed).collect()
}

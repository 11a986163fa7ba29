//! Lines of a log: fixed words, numbers and closed enumerations. No text of a license, a device, a customer or a server
//! can be in a line, because no line has a text argument.

use ltlm_protocol::Code;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorCode};
use crate::machine::Failure;
use crate::status::{Reason, Status};

/// How much is logged: a level includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing.
    #[default]
    Off,
    /// Problems that need attention: nothing can be written.
    Error,
    /// What is out of order: answers that do not verify, uses that are left out.
    Warn,
    /// Changes of the status, and calls that fail.
    Info,
    /// Calls, requests and answers.
    Debug,
    /// Timers and writes too.
    Trace,
}

/// One line of a log.
pub(crate) struct Line(String);

impl Line {
    /// A line that says this.
    pub(crate) fn new(what: &'static str) -> Self {
        Self(what.to_owned())
    }

    /// A fact. Only what is [`Loggable`] can be one.
    pub(crate) fn with(mut self, name: &'static str, fact: impl Loggable) -> Self {
        self.0.push(' ');
        self.0.push_str(name);
        self.0.push('=');
        fact.write_to(&mut self.0);
        self
    }

    /// How a call failed.
    pub(crate) fn error(self, error: &Error) -> Self {
        let line = self.with("code", error.code);
        match error.server_code.as_deref() {
            Some(code) => line.with("server", known_code(code)),
            None => line,
        }
    }

    /// Its text.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// A code of the server, if it is one: a program that answers in the server's place can send any text.
pub(crate) fn known_code(code: &str) -> &'static str {
    Code::ALL.iter().map(|row| row.wire).find(|known| *known == code).unwrap_or("unknown")
}

/// The values that a log can contain.
pub(crate) trait Loggable {
    fn write_to(&self, line: &mut String);
}

impl Loggable for &'static str {
    fn write_to(&self, line: &mut String) {
        line.push_str(self);
    }
}

macro_rules! loggable {
    ($form:literal: $($kind:ty),*) => {
        $(impl Loggable for $kind {
            fn write_to(&self, line: &mut String) {
                line.push_str(&format!($form, self));
            }
        })*
    };
}

loggable!("{}": u8, u16, u64, usize, i64, bool);
loggable!("{:?}": ErrorCode, Status, Failure);

impl Loggable for &Reason {
    fn write_to(&self, line: &mut String) {
        match self {
            Reason::Refused(code) => line.push_str(known_code(code)),
            other => line.push_str(&format!("{other:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_words_numbers_and_known_codes() {
        let line =
            Line::new("call ended").with("call", 7_u64).error(&Error::refused("LICENSE_NOT_FOUND", "of ada@a.example"));
        assert_eq!(line.into_text(), "call ended call=7 code=Refused server=LICENSE_NOT_FOUND");
        // Whoever answers in the server's place chooses its code and its message.
        let line = Line::new("call ended").error(&Error::refused("ada@a.example", "LIC-0123456789ABCDEF"));
        assert_eq!(line.into_text(), "call ended code=Refused server=unknown");
        let reason = Reason::Refused("ada@a.example".to_owned());
        assert_eq!(Line::new("status").with("reason", &reason).into_text(), "status reason=unknown");
        assert_eq!(Line::new("status").with("reason", &Reason::Clock).into_text(), "status reason=Clock");
    }

    #[test]
    fn a_level_takes_in_those_before_it() {
        use LogLevel::{Debug, Error, Info, Off, Trace, Warn};
        assert!([Off, Error, Warn, Info, Debug, Trace].is_sorted());
        assert_eq!(serde_json::from_str::<LogLevel>("\"debug\"").unwrap(), Debug);
        assert!(serde_json::from_str::<LogLevel>("\"verbose\"").is_err());
    }
}

//! Mails to customers and developers: plain text, in few words.

use crate::model::one_time_code::CODE_MINUTES;

/// A mail. Only [`Mail::new`] creates one, so that no name can start another header in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    to: String,
    subject: String,
    text: String,
}

impl Mail {
    /// A mail to an address. Names are refused with control characters when they come; one that was kept before that is shown without them.
    pub fn new(to: &str, subject: &str, text: String) -> Self {
        Self { to: line(to), subject: line(subject), text }
    }

    /// Recipient, subject and text.
    pub fn into_parts(self) -> (String, String, String) {
        (self.to, self.subject, self.text)
    }
}

/// The text as one line of a header: what ends a line or controls a terminal is a space, and more of them are one.
fn line(text: &str) -> String {
    let is_gap = |c: char| c.is_whitespace() || c.is_control();
    text.split(is_gap).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The code with which a customer proves access to this address. It is in the text only, because locked screens show
/// subjects.
pub fn of_code(to: &str, project: &str, code: &str) -> Mail {
    let project = line(project);
    let text = format!(
        "Your code for {project}: {code}\n\nIt can be used once, within {CODE_MINUTES} minutes. If you did not ask for it, \
             somebody mistyped their address: there is nothing to do.\n"
    );
    Mail::new(to, &format!("Your {project} sign-in code"), text)
}

/// What was bought.
pub fn of_license(to: &str, project: &str, name: &str, key: &str) -> Mail {
    let (project, name) = (line(project), line(name));
    let text = format!("Thank you for {name}.\n\nYour license key: {key}\n\nEnter it in {project} to activate it.\n");
    Mail::new(to, &format!("Your {project} license"), text)
}

/// The second factor of a developer.
pub fn of_sign_in(to: &str, code: &str) -> Mail {
    let text = format!(
        "Somebody signed in with your password. If it was you, this is the code: {code}\n\nIt can be used once, within \
             {CODE_MINUTES} minutes. If it was not you, change your password.\n"
    );
    Mail::new(to, "Your sign-in code", text)
}

/// What shows that mails arrive.
pub fn of_test(to: &str) -> Mail {
    let text = "This is the test mail that was asked for. Mails of this deployment arrive here.\n".to_owned();
    Mail::new(to, "Test mail", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_begins_a_header() {
        let name = "Demo\r\nBcc: all@evil.example\u{2028}X\u{85}Y\u{0}";
        for mail in [
            of_code("a@b.c", name, "1"),
            of_license("a@b.c\r\nCc: d@e.f", name, name, "LIC"),
            of_sign_in("a@b.c", "1"),
            of_test("a@b.c\r\nCc: d@e.f"),
        ] {
            let (to, subject, text) = mail.into_parts();
            assert!(!text.contains(['\r', '\u{85}', '\0']), "{text:?}");
            for header in [&to, &subject] {
                let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
                assert!(!header.contains(breaks), "{header:?}");
            }
        }
        assert_eq!(of_code("a@b.c", "Demo  App", "1").into_parts().1, "Your Demo App sign-in code");
    }
}

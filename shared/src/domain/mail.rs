//! Mails to customers and developers: plain text, in few words.

use super::one_time::CODE_MINUTES;

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub text: String,
}

/// The code with which a customer shows to read this address. It stands in the text only: subjects are shown on locked screens.
pub fn of_code(to: &str, project: &str, code: &str) -> Mail {
    Mail {
        to: to.to_owned(),
        subject: format!("Your {project} sign-in code"),
        text: format!(
            "Your code for {project}: {code}\n\nIt can be used once, within {CODE_MINUTES} minutes. If you did not ask for it, \
             somebody mistyped their address: there is nothing to do.\n"
        ),
    }
}

/// What was bought.
pub fn of_license(to: &str, project: &str, name: &str, key: &str) -> Mail {
    Mail {
        to: to.to_owned(),
        subject: format!("Your {project} license"),
        text: format!("Thank you for {name}.\n\nYour license key: {key}\n\nEnter it in {project} to activate it.\n"),
    }
}

/// The second factor of a developer.
pub fn of_sign_in(to: &str, code: &str) -> Mail {
    Mail {
        to: to.to_owned(),
        subject: "Your sign-in code".to_owned(),
        text: format!(
            "Somebody signed in with your password. If it was you, this is the code: {code}\n\nIt can be used once, within \
             {CODE_MINUTES} minutes. If it was not you, change your password.\n"
        ),
    }
}

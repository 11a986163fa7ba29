//! What developers send to sign in from an editor (wire E15, E16). Nothing here prints: it holds passwords and codes.

use ltlm_protocol::body::{Body, Unknown};
use ltlm_protocol::limits;
use ltlm_protocol::read::Reader;

/// `POST …/pro/auth/dev-login`.
pub struct SignIn {
    /// The developer's address, as it was typed.
    pub username: String,
    /// The password.
    pub password: String,
}

/// `POST …/pro/auth/dev-login/verify-otp`.
pub struct VerifyCode {
    /// What the sign-in answered.
    pub token: String,
    /// The digits of the code that was mailed.
    pub code: String,
}

impl Body for SignIn {
    const UNKNOWN: Unknown = Unknown::Ignored;

    fn read(r: &mut Reader<'_>) -> Self {
        let username = r.text("username", 2 * limits::EMAIL_CHARS_MAX);
        let password = r.text("password", limits::NAME_CHARS_MAX);
        // The existing editor sends an empty one.
        r.text_or_empty("mfaToken", limits::NAME_CHARS_MAX);
        Self { username, password }
    }
}

impl Body for VerifyCode {
    const UNKNOWN: Unknown = Unknown::Ignored;

    fn read(r: &mut Reader<'_>) -> Self {
        let token = r.text("mfaToken", limits::NAME_CHARS_MAX);
        let code = r.text("otp", limits::NAME_CHARS_MAX).chars().filter(char::is_ascii_digit).collect();
        Self { token, code }
    }
}

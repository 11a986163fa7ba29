//! What [`crate::read`] checks, as regular expressions for JSON Schema (ECMA-262, with the flag `u`).

/// A name: not blank, without control characters.
pub const NAME: &str = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";

/// A name that may be blank.
pub const NAME_OR_BLANK: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

/// A name that is no number.
pub const SLUG: &str =
    r"^[^\u0000-\u001f\u007f-\u009f]*[^0-9\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";

/// A text for people: without control characters but line breaks and tabs.
pub const PROSE: &str = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$";

/// An instant of the years that are taken.
pub const INSTANT: &str = r"^(19[7-9][0-9]|[2-9][0-9]{3})-";

/// Visible ASCII.
pub const VISIBLE: &str = "^[!-~]+$";

/// A currency: ISO 4217.
pub const CURRENCY: &str = "^[A-Za-z]{3}$";

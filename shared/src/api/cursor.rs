//! Opaque cursors of lists. They contain no key and no secret, only the position from which to continue within what the
//! caller can see anyway; a forged cursor shows nothing else.

use ltlm_protocol::Problems;

/// What is wrong with a cursor that no answer of its list contained.
pub const PROBLEM: &str = "must be a nextCursor of this list";

/// Longest position in a list, in bytes.
const POSITION_BYTES_MAX: usize = 4_000;

/// A list that is answered page by page.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// Its name in its cursors.
    pub name: &'static str,
    /// What its cursors hold.
    pub position: Position,
}

/// A position in a list.
#[derive(Clone, Copy, Debug)]
pub enum Position {
    /// A text of visible characters.
    Text {
        /// Most characters.
        max: usize,
    },
    /// A sequence number.
    Sequence,
    /// A sequence number, the balance after it, and its hash.
    Checked,
    /// A sequence number, or 0, and an account's name.
    Entry,
    /// One of eight parts, and a position in it.
    Due,
    /// A tag that identifies the list, and a position in it.
    Owned(&'static Self),
}

impl List {
    /// What its cursors look like, as a regular expression for JSON Schema: its name and a position, in hex.
    pub fn pattern(&self) -> String {
        format!("^{}{}$", hex::encode(format!("{}/1:", self.name)), self.position.pattern())
    }
}

impl Position {
    fn pattern(self) -> String {
        const SEQUENCE: &str = "3[1-9](3[0-9]){0,17}";
        const HEX_DIGIT: &str = "(3[0-9]|6[1-6])";
        match self {
            Self::Text { max } => format!("([2-7][0-9a-e]){{1,{max}}}"),
            Self::Sequence => SEQUENCE.to_owned(),
            Self::Checked => format!("{SEQUENCE}3a(2d)?{SEQUENCE}3a{HEX_DIGIT}{{64}}"),
            Self::Entry => format!("(30|{SEQUENCE})3a([2-7][0-9a-e]){{1,128}}"),
            Self::Due => "3[0-7]3a([2-7][0-9a-e]){0,64}".to_owned(),
            Self::Owned(position) => format!("{HEX_DIGIT}{{8}}3a{}", position.pattern()),
        }
    }
}

/// Projects.
pub const PROJECTS: List = List { name: "projects", position: Position::Text { max: 64 } };
/// Policies.
pub const POLICIES: List = List { name: "policies", position: Position::Text { max: 64 } };
/// Licenses.
pub const LICENSES: List = List { name: "licenses", position: Position::Text { max: 64 } };
/// Devices.
pub const DEVICES: List = List { name: "devices", position: Position::Text { max: 64 } };
/// Administrator keys.
pub const KEYS: List = List { name: "keys", position: Position::Text { max: 64 } };
/// Orders.
pub const ORDERS: List = List { name: "orders", position: Position::Text { max: 64 } };
/// Developers.
pub const DEVELOPERS: List = List { name: "developers", position: Position::Text { max: 64 } };
/// Events.
pub const EVENTS: List = List { name: "events", position: Position::Text { max: 64 } };
/// Notices that were given up.
pub const DEAD_LETTERS: List = List { name: "dead-letters", position: Position::Text { max: 64 } };
/// Notices.
pub const NOTICES: List = List { name: "notices", position: Position::Text { max: 64 } };
/// The audit log.
pub const AUDIT: List = List { name: "audit", position: Position::Text { max: 64 } };
/// Lines of an export.
pub const EXPORT: List = List { name: "export", position: Position::Text { max: 4_000 } };
/// What a dropped import wrote.
pub const DROPPED: List = List { name: "dropped", position: Position::Text { max: 4_000 } };
/// Entries of a license's ledger.
pub const LEDGER: List = List { name: "ledger", position: Position::Sequence };
/// Accounts.
pub const ACCOUNTS: List = List { name: "accounts", position: Position::Owned(&Position::Text { max: 128 }) };
/// Organizations.
pub const ORGANIZATIONS: List = List { name: "organizations", position: Position::Owned(&Position::Text { max: 128 }) };
/// Entries of an account.
pub const ACCOUNT: List = List { name: "account", position: Position::Owned(&Position::Sequence) };
/// Entries of an organization's pool.
pub const POOL: List = List { name: "pool", position: Position::Owned(&Position::Sequence) };
/// Entries that are erased.
pub const ERASE: List = List { name: "erase", position: Position::Owned(&Position::Sequence) };
/// Entries that are counted.
pub const STATISTICS: List = List { name: "statistics", position: Position::Owned(&Position::Sequence) };
/// Entries that are verified.
pub const VERIFICATION: List = List { name: "verification", position: Position::Owned(&Position::Checked) };
/// Entries of all accounts.
pub const ENTRIES: List = List { name: "entries", position: Position::Owned(&Position::Entry) };
/// Accounts that are due.
pub const DUE: List = List { name: "due", position: Position::Owned(&Position::Due) };
/// Accounts that are renewed.
pub const RENEWALS: List = List { name: "renewals", position: Position::Owned(&Position::Due) };
/// Access tokens that are revoked.
pub const ACCESS: List = List { name: "access", position: Position::Owned(&Position::Text { max: 80 }) };

/// The cursor after the row at `position` of the list called `list`.
pub fn of(list: &str, position: &str) -> String {
    hex::encode(format!("{list}/1:{position}"))
}

/// The position in a cursor of this list.
pub fn parse(list: &str, text: &str) -> Result<String, Problems> {
    let decoded = hex::decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let position = decoded.as_deref().and_then(|text| text.strip_prefix(list)?.strip_prefix("/1:"));
    let usable = |position: &&str| (1..=POSITION_BYTES_MAX).contains(&position.len());
    let position = position.filter(usable).map(str::to_owned);
    position.ok_or_else(problem)
}

/// What is wrong with a cursor that no answer of this list gave.
pub fn problem() -> Problems {
    Problems::one("cursor", PROBLEM)
}

/// The sequence number in a cursor.
pub fn sequence(position: &str) -> Result<i64, Problems> {
    let sequence = position.parse().ok().filter(|sequence| *sequence > 0);
    sequence.ok_or_else(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nothing_else_does() {
        assert_eq!(parse("ledger", &of("ledger", "7")), Ok("7".to_owned()));
        let long = hex::encode(format!("ledger/1:{}", "9".repeat(POSITION_BYTES_MAX + 1)));
        for bad in ["", "7", "zz", &of("audit", "7"), &hex::encode("ledger/2:7"), &of("ledger", ""), &long, "6c65ff"] {
            assert!(parse("ledger", bad).is_err(), "{bad}");
        }
    }
}

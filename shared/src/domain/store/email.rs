//! E-mail addresses, in the one spelling in which they are compared.

use ltlm_protocol::limits;
use ltlm_protocol::read::Reader;

/// An address: trimmed, lower-case. What stands after a `+` belongs to it (wire 4.9).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

impl Email {
    /// Reads an address; `None` for what no mail can be sent to. Whether anybody reads there, only mail can tell.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let (local, domain) = text.rsplit_once('@')?;
        let plain = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control());
        let is_domain = domain.split('.').all(|label| !label.is_empty());
        let usable = plain(local) && plain(domain) && !local.contains(['@', '<', '>', ',', ';', '"']) && is_domain;
        (usable && text.chars().count() <= limits::EMAIL_CHARS_MAX).then_some(Self(text))
    }

    /// Reads the address in a member that must be there.
    pub fn required(r: &mut Reader<'_>, name: &str) -> Option<Self> {
        r.require(name);
        let text = r.text_opt(name, 2 * limits::EMAIL_CHARS_MAX)?;
        let email = Self::parse(&text);
        if email.is_none() {
            r.problem(name, "must be an e-mail address");
        }
        email
    }

    /// Stands for an address that could not be read, until the mistake is told.
    pub fn nobody() -> Self {
        Self(String::new())
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        let read = |text: &str| Email::parse(text).map(|email| email.0);
        assert_eq!(read(" Ada@EXAMPLE.com \n").as_deref(), Some("ada@example.com"));
        assert_eq!(read("new+tag@y.z").as_deref(), Some("new+tag@y.z"));
        assert_eq!(read("ÄDA@Exämple.de").as_deref(), Some("äda@exämple.de"));
        let long = format!("{}@y.z", "a".repeat(251));
        for bad in ["", "@", "a@", "@b", "a b@c.d", "a@b c", "a@.d", "a@d.", "a@b@c.d", "a\u{0}@b.c", "<a@b.c>", &long]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}

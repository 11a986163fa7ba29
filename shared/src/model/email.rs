//! E-mail addresses, in the one spelling in which they are compared, and the spellings that were kept before.

use idna::AsciiDenyList;
use ltlm_protocol::limits;
use ltlm_protocol::read::Reader;
use ltlm_protocol::request::is_format;
use ltlm_protocol::shape::Kind;
use unicode_normalization::UnicodeNormalization;

/// An e-mail address. The part after a `+` belongs to it (wire 4.9).
///
/// Its one spelling: trimmed, lower-case, in Unicode's form NFC, the domain in ASCII (IDNA). An address that was kept before there was
/// this rule stays as it was kept, and is found under [`Email::spellings`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoEmail {
    /// No mail can be sent there.
    NotOne,
    /// It contains invisible characters, so that it looks like another one.
    Invisible,
}

impl NoEmail {
    /// What is wrong, as the end of a sentence that starts with the member.
    pub fn problem(self) -> &'static str {
        match self {
            Self::NotOne => "must be an e-mail address",
            Self::Invisible => "must be an e-mail address without invisible characters: type it instead of pasting it",
        }
    }
}

impl Email {
    /// Reads an address; `None` if no mail can be sent to it. Only a mail can show whether the mailbox exists.
    pub fn parse(text: &str) -> Option<Self> {
        Self::read(text).ok()
    }

    /// Reads an address, or says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, NoEmail> {
        let text = text.trim();
        if text.chars().any(is_format) {
            return Err(NoEmail::Invisible);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(NoEmail::NotOne)?;
        let local: String = local.nfc().collect::<String>().to_lowercase().nfc().collect();
        let domain = idna::domain_to_ascii_cow(domain.as_bytes(), AsciiDenyList::EMPTY).map_err(|_| NoEmail::NotOne)?;
        let plain = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control());
        let is_domain = domain.split('.').all(|label| !label.is_empty());
        let usable = plain(&local) && plain(&domain) && !local.contains(['@', '<', '>', ',', ';', '"']) && is_domain;
        let text = format!("{local}@{domain}");
        (usable && text.chars().count() <= limits::EMAIL_CHARS_MAX).then_some(Self(text)).ok_or(NoEmail::NotOne)
    }

    /// A stored address as it is, including one that is no longer accepted.
    pub fn kept(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The one spelling of an address that is kept; as it was compared before, where it has none.
    pub fn of_kept(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self(text.trim().to_lowercase()))
    }

    /// The spellings under which the address may be kept, its one spelling first: before there was one, its letters could be composed or
    /// not, and its domain written in Unicode. For an address in ASCII it is all there is.
    pub fn spellings(&self) -> Vec<Self> {
        let mut all = vec![self.clone()];
        let Some((local, ascii)) = self.0.rsplit_once('@') else { return all };
        let (unicode, _) = idna::domain_to_unicode(ascii);
        let locals = [local.to_owned(), local.nfd().collect()];
        let domains = [ascii.to_owned(), unicode.nfc().collect(), unicode.nfd().collect()];
        for domain in &domains {
            for local in &locals {
                let spelling = Self(format!("{local}@{domain}"));
                if !all.contains(&spelling) {
                    all.push(spelling);
                }
            }
        }
        all
    }

    /// Reads the address in a member that must be there.
    pub fn required(r: &mut Reader<'_>, name: &str) -> Option<Self> {
        r.require(name);
        Self::optional(r, name)
    }

    /// Reads the address in a member, or nothing.
    pub fn optional(r: &mut Reader<'_>, name: &str) -> Option<Self> {
        r.is(name, Kind::Email);
        let text = r.text_opt(name, 2 * limits::EMAIL_CHARS_MAX)?;
        Self::read(&text).map_err(|wrong| r.problem(name, wrong.problem())).ok()
    }

    /// Replaces an address that could not be read, until the mistake is reported.
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
        for same in ["ÄDA@Exämple.de", "a\u{308}da@exa\u{308}mple.de", "äda@xn--exmple-cua.de", "äda@EXÄMPLE\u{3002}de"]
        {
            assert_eq!(read(same).as_deref(), Some("äda@xn--exmple-cua.de"), "{same}");
        }
        let long = format!("{}@y.z", "a".repeat(251));
        for bad in ["", "@", "a@", "@b", "a b@c.d", "a@b c", "a@.d", "a@d.", "a@b@c.d", "a\u{0}@b.c", "<a@b.c>", &long]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
        // What is read again stays as it is.
        for text in ["ada@example.com", "äda@xn--exmple-cua.de", "\u{130}@b.c", "\u{3a3}\u{345}@b.c"] {
            let once = Email::parse(text).unwrap();
            assert_eq!(Email::parse(once.as_str()), Some(once), "{text}");
        }
    }

    #[test]
    fn characters_that_nobody_sees_are_told_as_such() {
        for c in ['\u{200b}', '\u{200d}', '\u{202e}', '\u{feff}', '\u{ad}', '\u{2060}', '\u{fe0f}', '\u{e0041}'] {
            assert_eq!(Email::read(&format!("a{c}da@b.c")), Err(NoEmail::Invisible), "{c:?}");
            assert_eq!(Email::read(&format!("ada@b{c}.c")), Err(NoEmail::Invisible), "{c:?}");
        }
        assert_eq!(Email::read("ada"), Err(NoEmail::NotOne));
    }

    #[test]
    fn an_address_is_looked_for_as_it_was_kept_before() {
        assert_eq!(Email::parse("Ada@example.com").unwrap().spellings().len(), 1);
        let spellings = Email::parse("äda@xn--exmple-cua.de").unwrap().spellings();
        assert_eq!(spellings[0].as_str(), "äda@xn--exmple-cua.de");
        for before in
            ["äda@exämple.de", "a\u{308}da@exa\u{308}mple.de", "a\u{308}da@exämple.de", "äda@exa\u{308}mple.de"]
        {
            assert!(spellings.contains(&Email::kept(before)), "{before}");
        }
        assert_eq!(Email::of_kept(" A\u{200b}da@b.c").as_str(), "a\u{200b}da@b.c");
    }
}

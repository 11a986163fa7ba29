//! Where a browser goes after the payment page (wire 4.9): a page of the vendor's or, by a scheme of its own, an application.

use ltlm_protocol::limits;
use ltlm_protocol::read::Reader;

/// Schemes that would run or show something instead of leading somewhere.
const DANGEROUS: &[&str] = &[
    "javascript",
    "data",
    "file",
    "vbscript",
    "blob",
    "about",
    "view-source",
    "filesystem",
    "jar",
    "ftp",
    "ws",
    "wss",
];

/// Reads a member that may name where to go; an empty one counts as absent.
pub fn read(r: &mut Reader<'_>, name: &str) -> Option<String> {
    let text = r.text_or_empty(name, limits::REDIRECT_CHARS_MAX)?;
    let text = text.trim();
    if !is_usable(text) {
        r.problem(name, "must be an http or https address, or one with a scheme of your own");
    }
    Some(text.to_owned())
}

fn is_usable(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once(':') else { return false };
    let scheme = scheme.to_ascii_lowercase();
    let named = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    // A browser drops line feeds and tabs within an address, and takes the rest for something else.
    let clean = !url.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\\'));
    let leads = match scheme.as_str() {
        "http" | "https" => rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')),
        _ => !rest.is_empty(),
    };
    named && clean && leads && !DANGEROUS.contains(&scheme.as_str())
}

/// The address with what the provider, or we, have to say: before a fragment, after what the query has already.
pub fn telling(url: &str, facts: &str) -> String {
    let (page, fragment) = url.split_once('#').map_or((url, None), |(page, fragment)| (page, Some(fragment)));
    let joint = if page.contains('?') { '&' } else { '?' };
    let fragment = fragment.map_or_else(String::new, |fragment| format!("#{fragment}"));
    format!("{page}{joint}{facts}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_somewhere_and_runs_nothing() {
        for good in
            ["https://shop.example/thanks?x=1#y", "http://127.0.0.1:3000/", "myapp://callback", "com.example.app:/done"]
        {
            assert!(is_usable(good), "{good}");
        }
        for bad in [
            "",
            "thanks",
            "/thanks",
            "//evil",
            "https:",
            "https://",
            "https:///x",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "vbscript:x",
            ":x",
            "1a:x",
            "https://a b",
            "my_app://x",
        ] {
            assert!(!is_usable(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_told_stands_in_the_query() {
        assert_eq!(telling("https://a/b", "s=1"), "https://a/b?s=1");
        assert_eq!(telling("https://a/b?x=1#top", "s=1"), "https://a/b?x=1&s=1#top");
        assert_eq!(telling("myapp://callback", "s=1"), "myapp://callback?s=1");
    }
}

//! Where a browser goes after the payment page (wire 4.9): a page of the vendor's or, by a scheme of its own, an application.

use ltlm_protocol::limits;
use ltlm_protocol::read::Reader;
use serde_json::{Value, json};
use url::Url;

use crate::model::denied::Denied;
use crate::model::project::Project;

/// Schemes that a browser or the operating system acts upon: they execute or display something, or start a call, a
/// message or a search, instead of leading to a page or an application of the vendor.
const DANGEROUS: &[&str] = &[
    "about",
    "blob",
    "chrome",
    "chrome-extension",
    "data",
    "facetime",
    "feed",
    "file",
    "filesystem",
    "ftp",
    "help",
    "intent",
    "jar",
    "javascript",
    "jscript",
    "livescript",
    "mailto",
    "mhtml",
    "microsoft-edge",
    "mk",
    "mocha",
    "moz-extension",
    "res",
    "resource",
    "search",
    "search-ms",
    "shell",
    "sms",
    "tel",
    "vbs",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];
/// What the schemes of Windows begin with.
const DANGEROUS_START: &str = "ms-";
/// Most entries of a project's list of addresses.
const ALLOWED_MAX: usize = 100;

/// What a schema says of such a member.
pub fn keywords() -> Value {
    json!({"description": "An http or https address, or one with a scheme of your own."})
}

/// Reads a member that may name where to go; an empty one counts as absent.
pub fn read(r: &mut Reader<'_>, name: &str) -> Option<String> {
    let text = r.text_or_empty(name, limits::REDIRECT_CHARS_MAX)?;
    let text = text.trim();
    if !is_usable(text) {
        r.problem(
            name,
            "must be an http or https address without a name or password in it, or one with a scheme of your own",
        );
    }
    Some(text.to_owned())
}

/// Notes the mistakes of a project's list of addresses, `store.redirects`.
pub fn check(r: &mut Reader<'_>) {
    let entries = r.texts_opt("redirects", ALLOWED_MAX, limits::REDIRECT_CHARS_MAX).unwrap_or_default();
    if entries.iter().any(|entry| !is_usable(entry) && !is_usable(&format!("{entry}x"))) {
        r.problem("redirects", "must be addresses such as https://shop.example/thanks, or schemes such as myapp://");
    }
}

/// May the project's buyers be sent there? Where it lists no addresses, anything usable will do.
pub fn allowed(project: &Project, url: Option<&str>) -> Result<(), Denied> {
    let listed = project.settings.get("store").and_then(|store| store.get("redirects"));
    let listed: Vec<_> =
        listed.and_then(|list| list.as_array()).into_iter().flatten().filter_map(|v| v.as_str()).collect();
    match url {
        Some(url) if !listed.is_empty() && !listed.iter().any(|entry| covers(entry, url)) => {
            Err(Denied::RedirectNotAllowed)
        }
        _ => Ok(()),
    }
}

/// Is the address of this entry's scheme, or under its page?
fn covers(entry: &str, url: &str) -> bool {
    let Some((scheme, rest)) = entry.split_once(':') else { return false };
    if rest.trim_start_matches('/').is_empty() {
        return url.split_once(':').is_some_and(|(other, _)| other.eq_ignore_ascii_case(scheme));
    }
    let (Ok(entry), Ok(url)) = (Url::parse(entry), Url::parse(url)) else { return false };
    let place = |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default());
    let page = entry.path().trim_end_matches('/');
    let below = url.path().strip_prefix(page);
    place(&entry) == place(&url) && below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

fn is_usable(url: &str) -> bool {
    // A browser drops line feeds and tabs within an address, and takes the rest for something else.
    let clean = !url.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\\'));
    let Some((scheme, rest)) = scheme(url).filter(|_| clean) else { return false };
    match scheme.as_str() {
        "http" | "https" => leads_to_a_page(url, rest),
        _ => !rest.is_empty() && !names_somebody(rest) && schemes(url).all(|scheme| !is_dangerous(&scheme)),
    }
}

/// The scheme of an address in lower case, and what follows its colon.
fn scheme(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then(|| (scheme.to_ascii_lowercase(), rest))
}

/// The scheme, and those of the addresses within it: `feed:javascript:` leads to a script.
fn schemes(url: &str) -> impl Iterator<Item = String> + '_ {
    let mut rest = url;
    std::iter::from_fn(move || {
        let (scheme, inner) = scheme(rest)?;
        rest = inner.trim_start_matches('/');
        Some(scheme)
    })
}

fn is_dangerous(scheme: &str) -> bool {
    DANGEROUS.contains(&scheme) || scheme.starts_with(DANGEROUS_START)
}

fn leads_to_a_page(url: &str, rest: &str) -> bool {
    let named = rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    named && !names_somebody(rest) && Url::parse(url).is_ok_and(|url| url.has_host())
}

/// Does the authority hold a name or a password? They show a buyer one host and lead to another.
fn names_somebody(rest: &str) -> bool {
    let authority = rest.strip_prefix("//").unwrap_or("");
    authority.split(['/', '?', '#']).next().unwrap_or("").contains('@')
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
            "https://shop.example@evil.example/",
            "https://a:b@evil.example/",
            "https://@evil.example/",
            "https://[::1",
            "myapp://shop.example@evil",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "java\nscript:alert(1)",
            "feed:javascript:alert(1)",
            "myapp:javascript:alert(1)",
            "myapp://data:text/html,x",
            "livescript:x",
            "data:text/html,x",
            "file:///etc/passwd",
            "vbscript:x",
            "blob:https://a/b",
            "view-source:https://a",
            "jar:https://a!/b",
            "intent://a#Intent;end",
            "about:blank",
            "chrome://settings",
            "ms-settings:x",
            "MS-MSDT:x",
            "search-ms:query=x",
            "mailto:a@b.example",
            "tel:+1",
            ":x",
            "1a:x",
            "https://a b",
            "my_app://x",
        ] {
            assert!(!is_usable(bad), "{bad}");
        }
    }

    #[test]
    fn an_entry_covers_its_scheme_or_what_is_under_its_page() {
        for (entry, inside, outside) in [
            ("myapp://", "MyApp://callback", "otherapp://callback"),
            ("myapp:", "myapp:/done", "myapp2:/done"),
            ("https://shop.example", "https://SHOP.example:443/x", "https://shop.example.evil/x"),
            ("https://shop.example/", "https://shop.example/x?y", "http://shop.example/x"),
            ("https://shop.example/thanks", "https://shop.example/thanks/a", "https://shop.example/thanksgiving"),
            ("https://shop.example/thanks", "https://shop.example/thanks?a", "https://shop.example/thanks/../evil"),
            ("https://shop.example:8443", "https://shop.example:8443/", "https://shop.example/"),
        ] {
            assert!(covers(entry, inside), "{entry} {inside}");
            assert!(!covers(entry, outside), "{entry} {outside}");
        }
    }

    #[test]
    fn what_is_told_stands_in_the_query() {
        assert_eq!(telling("https://a/b", "s=1"), "https://a/b?s=1");
        assert_eq!(telling("https://a/b?x=1#top", "s=1"), "https://a/b?x=1&s=1#top");
        assert_eq!(telling("myapp://callback", "s=1"), "myapp://callback?s=1");
    }
}

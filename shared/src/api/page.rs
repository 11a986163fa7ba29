//! Pages for people, which a browser shows after a redirect. They run no script and load nothing, and their headers
//! tell the browser so.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};

use super::reply::Reply;

/// How they look: readable on a telephone, light or dark as the reader has it.
const STYLE: &str = "body{font:1.125rem/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1.25rem}\
    h1{font-size:1.75rem;line-height:1.2}:root{color-scheme:light dark}";

/// A page: its title, and a paragraph each. Both are fixed texts: nothing of a request is in them.
pub fn page(title: &'static str, paragraphs: &[&'static str]) -> Reply {
    let text: String = paragraphs.iter().map(|paragraph| format!("<p>{paragraph}</p>\n")).collect();
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{text}</main>\n</body>\n</html>\n"
    );
    let style = BASE64.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    Reply::html(body)
        .header("content-security-policy", policy)
        .header("x-content-type-options", "nosniff".to_owned())
        .header("referrer-policy", "no-referrer".to_owned())
}

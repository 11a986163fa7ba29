//! The till's payment page, for a browser: pay, decline, have the provider's message delivered twice; and what happens to a payment
//! afterwards.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use shared::model::money::Money;
use shared::service::ports::Clock;

use crate::state::{ALLOWANCE, Server};
use crate::stripe::{Event, Session, form};

/// Shows a payment page, or does what was chosen there.
pub async fn page(server: &Server, method: &Method, id: &str, body: &[u8]) -> Response {
    let Some(session) = server.stripe.session(id) else {
        return html(
            StatusCode::NOT_FOUND,
            "No such payment page",
            "<p>It may be of an earlier start of this program.</p>",
        );
    };
    if method != Method::POST {
        return show(&session, "");
    }
    let form = form(&String::from_utf8_lossy(body));
    let text = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let (event, times) = match text("do") {
        "pay" => (Event::Paid, 1),
        "pay-twice" => (Event::Paid, 2),
        "decline" => return go(&session.cancel_url, id),
        "expire" => (Event::Expired, 1),
        "refund" => (Event::Refunded, 1),
        "refund-part" => (Event::PartlyRefunded, 1),
        "refund-fails" => (Event::RefundFailed, 1),
        "dispute" => (Event::Disputed, 1),
        "win" => (Event::Won, 1),
        "lose" => (Event::Lost, 1),
        "renew" => (Event::PeriodPaid, 1),
        _ => return show(&session, "Nothing was chosen."),
    };
    if event == Event::Paid {
        server.stripe.show_card(id, text("card"));
    }
    let reply = deliver(server, id, event, times).await;
    let Some(session) = server.stripe.session(id) else { return show(&session, &reply) };
    match (event, reply.as_str()) {
        (Event::Paid, "200" | "200, 200") => go(&session.success_url, id),
        _ => show(&session, &format!("The product answered {reply}.")),
    }
}

/// Has a message delivered to the product, so often; the statuses that it answered.
async fn deliver(server: &Server, id: &str, event: Event, times: usize) -> String {
    let now = server.clock.now();
    let Some(message) = server.stripe.webhook_event(id, event, now) else { return "nothing".to_owned() };
    let body = message.to_string();
    let mut statuses = Vec::new();
    for _ in 0..times {
        let request = Request::builder()
            .method("POST")
            .uri("/v1/payments/stripe")
            .header("stripe-signature", server.stripe.sign(&body, now))
            .header("content-type", "application/json")
            .body(Bytes::from(body.clone()));
        let Ok(request) = request else { continue };
        let (response, _) = server.host.respond(request, ALLOWANCE).await;
        statuses.push(response.status().as_u16().to_string());
    }
    statuses.join(", ")
}

fn go(url: &str, id: &str) -> Response {
    let url = url.replace("{CHECKOUT_SESSION_ID}", id);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(url) = header::HeaderValue::from_str(&url) {
        response.headers_mut().insert(header::LOCATION, url);
    }
    response
}

/// Text, escaped for a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn show(session: &Session, reply: &str) -> Response {
    let charged = Money { minor: session.amount, currency: session.currency.to_uppercase() };
    let amount = format!("{} {}", charged.amount().text(&charged.currency), charged.currency);
    let what = match session.mode.as_str() {
        "setup" => "Show a card; nothing is charged.".to_owned(),
        "subscription" => format!("{amount} each period"),
        _ => amount,
    };
    let button = |act: &str, label: &str| format!("<button name=\"do\" value=\"{act}\">{label}</button>");
    let buttons = match session.payment {
        None => [
            button("pay", "Pay"),
            button("pay-twice", "Pay, and deliver the message twice"),
            button("decline", "Decline"),
            button("expire", "Let it expire"),
        ]
        .join(" "),
        Some(_) => [
            button("refund", "Refund"),
            button("refund-part", "Refund a third"),
            button("refund-fails", "The refund fails"),
            button("dispute", "Dispute"),
            button("win", "Vendor wins the dispute"),
            button("lose", "Vendor loses it"),
            button("renew", "Pay the next period"),
            button("pay", "Tell again that it is paid"),
        ]
        .join(" "),
    };
    let name = if session.name.is_empty() { "A trial" } else { &session.name };
    let body = format!(
        "<p class=what><b>{}</b><br>{}</p><p>{}</p>\
         <form method=post><label>Card <input name=card value=\"4242 4242 4242 4242\"></label><p>{buttons}</p></form>\
         <p class=told>{}</p><p class=note>Order {}. No money moves: this is the till of tools/local.</p>",
        escaped(name),
        escaped(&what),
        escaped(&session.email),
        escaped(reply),
        escaped(&session.order),
    );
    html(StatusCode::OK, "Pay", &body)
}

fn html(status: StatusCode, title: &str, body: &str) -> Response {
    let text = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>\
         body{{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;color:#222}}\
         .what{{font-size:1.3rem}}button{{font:inherit;padding:.4rem .8rem;margin:.2rem 0}}\
         .told{{color:#064}}.note{{color:#777;font-size:.9rem}}</style><h1>{title}</h1>{body}</html>"
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

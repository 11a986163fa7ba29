//! What was ordered, and what applications report.

use clap::Subcommand;

use super::{Failure, ROWS, Session};
use crate::client::encoded;
use crate::show::{self, Column};

#[derive(Subcommand)]
pub(crate) enum Orders {
    /// Orders of the project, newest first
    List {
        /// At most so many
        #[arg(long, default_value_t = ROWS)]
        limit: usize,
    },
    /// An order
    Show {
        /// Its id
        order: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum Events {
    /// What applications reported on a day, newest first
    List {
        /// A day of UTC, such as 2027-01-31; else today
        #[arg(long)]
        day: Option<String>,
        /// Only events of this type
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = ROWS)]
        limit: usize,
    },
    /// How much applications reported, by type and day
    Count {
        /// The first day, such as 2027-01-31; else 29 days before the last
        #[arg(long)]
        from: Option<String>,
        /// The last day; else today
        #[arg(long)]
        to: Option<String>,
    },
}

const ORDERS: &[Column] = &[
    ("ORDER", "/orderId"),
    ("STATUS", "/status"),
    ("WHAT", "/name"),
    ("AMOUNT", "/amount"),
    ("CURRENCY", "/currency"),
    ("BUYER", "/email"),
    ("PAID", "/paidAt"),
];
const ORDER: &[Column] = &[
    ("order", "/orderId"),
    ("status", "/status"),
    ("what", "/name"),
    ("policy", "/PolicyID"),
    ("pack", "/packId"),
    ("amount", "/amount"),
    ("currency", "/currency"),
    ("buyer", "/email"),
    ("license, by hash", "/licenseHash"),
    ("took over a trial", "/convertedTrial"),
    ("payment page", "/sessionId"),
    ("test money", "/test"),
    ("paid until", "/paidUntil"),
    ("payments", "/payments"),
    ("payments that bought nothing", "/unapplied"),
    ("done at the provider", "/acts"),
    ("messages of the other mode", "/otherMode"),
    ("ordered", "/createdAt"),
    ("paid", "/paidAt"),
];
const EVENTS: &[Column] = &[
    ("WHEN", "/timestamp"),
    ("TYPE", "/type"),
    ("DEVICE", "/hwid"),
    ("LICENSE, BY HASH", "/licenseHash"),
    ("FACTS", "/payload"),
];
const COUNTS: &[Column] = &[("DAY", "/day"), ("ALL", "/total"), ("BY TYPE", "/byType")];

pub(crate) fn orders(session: &Session, command: Orders) -> Result<(), Failure> {
    let path = session.project_path("/orders")?;
    match command {
        Orders::List { limit } => session.list(&path, "orders", ORDERS, limit),
        Orders::Show { order } => session.show(&format!("{path}/{}", encoded(&order)), ORDER),
    }
}

pub(crate) fn events(session: &Session, command: Events) -> Result<(), Failure> {
    let query = |members: &[(&str, &Option<String>)]| {
        let given = members.iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_ref()?))));
        let given: Vec<_> = given.collect();
        if given.is_empty() { String::new() } else { format!("?{}", given.join("&")) }
    };
    match command {
        Events::List { day, kind, limit } => {
            let path = session.project_path(&format!("/events{}", query(&[("day", &day), ("type", &kind)])))?;
            session.list(&path, "events", EVENTS, limit)
        }
        Events::Count { from, to } => {
            let path = session.project_path(&format!("/event-counts{}", query(&[("from", &from), ("to", &to)])))?;
            let counted = session.client.get(&path)?;
            let days = counted["days"].as_array().cloned().unwrap_or_default();
            // A day without events says nothing to people.
            let days_with_events: Vec<_> = days.into_iter().filter(|day| day["total"] != 0).collect();
            show::rows(session.format, COUNTS, &days_with_events);
            Ok(())
        }
    }
}

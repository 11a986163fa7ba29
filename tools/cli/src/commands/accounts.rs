//! Token accounts, and the renewal of many.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::{Failure, PackOrder, ROWS, Session, json_of};
use crate::client::encoded;
use crate::show::{self, Column, Format};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// The project's accounts, by name
    List {
        /// Only names that begin with this
        #[arg(long = "begins", value_name = "TEXT")]
        begins: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = ROWS)]
        limit: usize,
    },
    /// Show an account
    Show {
        /// The account
        account: String,
    },
    /// Create an account
    Create {
        /// Your own name for it
        account: String,
        /// The plan
        #[arg(long)]
        tier: Option<String>,
        /// When the plan ends, such as 2027-01-31T00:00:00Z
        #[arg(long)]
        tier_ends_at: Option<String>,
        /// Tokens to begin with, in place of the plan's first allocation
        #[arg(long)]
        opening_balance: Option<i64>,
        /// Tokens it may go into debt by
        #[arg(long)]
        overdraft_limit: Option<i64>,
    },
    /// Put an account on a plan; starts a period
    Plan {
        /// The account
        account: String,
        /// The plan
        tier: String,
        /// When the plan ends
        #[arg(long)]
        tier_ends_at: Option<String>,
    },
    /// Spend tokens
    Debit {
        #[command(flatten)]
        movement: Movement,
        /// Go into debt, as far as the account may
        #[arg(long)]
        allow_overdraft: bool,
    },
    /// Credit tokens
    Credit {
        #[command(flatten)]
        movement: Movement,
        /// When they end
        #[arg(long)]
        expires_at: Option<String>,
    },
    /// Pay an operation at its price
    Charge {
        /// The account
        account: String,
        /// What for
        operation_type: String,
        /// Facts to keep with the entry: a file, or JSON itself
        #[arg(long, value_name = "JSON")]
        metadata: Option<String>,
    },
    /// Refund an operation, or a part of it; or an amount from the newest operations that spent
    Refund {
        /// The account
        account: String,
        /// The id of the operation that spent; else the newest ones
        #[arg(required_unless_present = "amount")]
        original: Option<String>,
        /// How many tokens; else what is left of the operation
        #[arg(long)]
        amount: Option<i64>,
        /// Why
        #[arg(long)]
        reason: Option<String>,
    },
    /// Set the balance
    Reset {
        /// The account
        account: String,
        /// Tokens that there shall be
        balance: i64,
        /// What for
        #[arg(long = "type", value_name = "TYPE")]
        operation_type: Option<String>,
    },
    /// Could the account pay for this?
    Affordability {
        /// The account
        account: String,
        /// What for
        operation_type: String,
        /// How many tokens; else the operation's price
        #[arg(long)]
        amount: Option<i64>,
    },
    /// Is an allocation due, and if not, when?
    Eligibility {
        /// The account
        account: String,
    },
    /// Tokens that are set aside for something that is under way
    #[command(subcommand)]
    Holds(Holds),
    /// Erase the free-form facts of old entries; amounts stay, and the ledger can still be verified
    Erase {
        /// The account
        account: String,
        /// Entries written before this instant, such as 2027-01-31T00:00:00Z
        #[arg(long)]
        before: String,
    },
    /// Ledger entries, newest first
    Entries {
        /// The account
        account: String,
        /// Entries for this
        #[arg(long = "type", value_name = "TYPE")]
        operation_type: Option<String>,
        #[command(flatten)]
        range: Range,
        /// At most so many
        #[arg(long, default_value_t = ROWS)]
        limit: usize,
    },
    /// What the ledger adds up to
    Statistics {
        /// The account
        account: String,
        #[command(flatten)]
        range: Range,
    },
    /// The balance at an instant
    Balance {
        /// The account
        account: String,
        /// The instant; else now
        #[arg(long)]
        at: Option<String>,
    },
    /// Check the whole ledger: is each entry what it was, and the balance what they add up to?
    Verify {
        /// The account
        account: String,
    },
    /// Order a pack of tokens for an account; prints where to pay it
    Checkout {
        /// The account
        account: String,
        #[command(flatten)]
        checkout: PackOrder,
    },
    /// Accounts to which an allocation is due
    Due {
        /// Only those on this plan
        #[arg(long)]
        tier: Option<String>,
        /// Due at this instant or before, such as 2027-01-31T00:00:00Z; else now
        #[arg(long)]
        by: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = ROWS)]
        limit: usize,
    },
    /// Renew one account, if an allocation is due
    Renew {
        /// The account
        account: String,
    },
    /// Renew all accounts of the project to which an allocation is due
    RenewDue {
        /// Only those on this plan
        #[arg(long)]
        tier: Option<String>,
        /// At most so many
        #[arg(long)]
        limit: Option<u64>,
        /// Stop at the first failure
        #[arg(long)]
        stop_on_error: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum Holds {
    /// What is set aside now
    List {
        /// The account
        account: String,
    },
    /// Set tokens aside
    Create {
        #[command(flatten)]
        movement: Movement,
        /// For how long, if nothing is done with them
        #[arg(long)]
        seconds: Option<i64>,
    },
    /// Spend held tokens, or a part of them; the rest is returned
    Commit {
        /// The account
        account: String,
        /// The hold, by the id of its operation
        hold: String,
        /// How many tokens; else all
        #[arg(long)]
        amount: Option<i64>,
    },
    /// Return held tokens
    Void {
        /// The account
        account: String,
        /// The hold, by the id of its operation
        hold: String,
    },
}

/// Tokens that move.
#[derive(Args)]
pub(crate) struct Movement {
    /// The account
    account: String,
    /// How many tokens
    amount: i64,
    /// What for
    #[arg(long = "type", value_name = "TYPE", default_value = "manual")]
    operation_type: String,
    /// Facts to keep with the entry: a file, or JSON itself
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
}

/// A half-open range of time.
#[derive(Args)]
pub(crate) struct Range {
    /// Written at this instant or later, such as 2027-01-01T00:00:00Z
    #[arg(long)]
    pub(super) from: Option<String>,
    /// Written before this instant
    #[arg(long)]
    pub(super) to: Option<String>,
}

const FACTS: &[Column] = &[
    ("account", "/accountId"),
    ("balance", "/tokensBalance"),
    ("spent", "/tokensSpent"),
    ("held", "/tokensHeld"),
    ("plan", "/tier"),
    ("plan ends", "/tierEndsAt"),
    ("overdraft limit", "/overdraftLimit"),
    ("renewed", "/lastRenewalAt"),
    ("next renewal", "/nextRenewalAt"),
];
const LISTED: &[Column] = &[
    ("ACCOUNT", "/accountId"),
    ("BALANCE", "/tokensBalance"),
    ("SPENT", "/tokensSpent"),
    ("PLAN", "/tier"),
    ("CREATED", "/createdAt"),
];
const DUE: &[Column] = &[("ACCOUNT", "/accountId"), ("PLAN", "/tier"), ("TOKENS", "/tokens"), ("SINCE", "/dueSince")];
const MOVED: &[Column] = &[
    ("balance", "/newBalance"),
    ("spent", "/tokensSpent"),
    ("entry", "/ledgerEntryId"),
    ("done before", "/replayed"),
    ("dry run", "/dryRun"),
];
const ENTRIES: &[Column] = &[
    ("NUMBER", "/sequence"),
    ("WHEN", "/recordedAt"),
    ("TYPE", "/operationType"),
    ("CATEGORY", "/category"),
    ("AMOUNT", "/amount"),
    ("BALANCE", "/balanceAfter"),
    ("OPERATION", "/operationId"),
];
const STATISTICS: &[Column] = &[
    ("spent", "/totalSpent"),
    ("earned", "/totalEarned"),
    ("refunded", "/refunded"),
    ("expired", "/expired"),
    ("adjusted", "/adjusted"),
    ("held", "/held"),
    ("net change", "/netChange"),
    ("operations", "/operationCount"),
];
const AFFORDABILITY: &[Column] =
    &[("can afford", "/canAfford"), ("balance", "/balance"), ("cost", "/cost"), ("deficit", "/deficit")];
const ELIGIBILITY: &[Column] = &[
    ("eligible", "/eligible"),
    ("why not", "/reason"),
    ("plan", "/tier"),
    ("days left", "/daysUntilRenewal"),
    ("next renewal", "/nextRenewalDate"),
    ("renewed", "/lastRenewalAt"),
];
const HOLDS: &[Column] = &[("HOLD", "/id"), ("AMOUNT", "/amount"), ("TYPE", "/operationType"), ("ENDS", "/expiresAt")];
const HELD: &[Column] = &[
    ("hold", "/hold/id"),
    ("ends", "/hold/expiresAt"),
    ("balance", "/newBalance"),
    ("done before", "/replayed"),
    ("dry run", "/dryRun"),
];
const BALANCE: &[Column] = &[("at", "/at"), ("balance", "/balance"), ("entries", "/sequence")];
const RENEWED: &[Column] = &[
    ("renewed", "/success"),
    ("plan", "/tier"),
    ("tokens", "/tokensAdded"),
    ("balance", "/newBalance"),
    ("next renewal", "/nextRenewalAt"),
    ("why not", "/error"),
    ("dry run", "/dryRun"),
];
const RENEWALS: &[Column] = &[
    ("looked at", "/totalProcessed"),
    ("renewed", "/successful"),
    ("failed", "/failed"),
    ("skipped", "/skipped"),
    ("dry run", "/dryRun"),
];
const ERRORS: &[Column] = &[("ACCOUNT", "/accountId"), ("ERROR", "/error")];
/// Accounts that one call renews: few enough for a bar that moves.
const PER_CALL: u64 = 100;

fn path(account: &str, tail: &str) -> String {
    format!("/v1/accounts/{}{tail}", encoded(account))
}

/// A query of the given parameters.
pub(super) fn query(parts: &[(&str, &Option<String>)]) -> String {
    let given = parts.iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_ref()?))));
    let given: Vec<_> = given.collect();
    if given.is_empty() { String::new() } else { format!("?{}", given.join("&")) }
}

pub(crate) fn run(session: &Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::List { begins, limit } => {
            session.list(&format!("/v1/accounts{}", query(&[("q", &begins)])), "accounts", LISTED, limit)
        }
        Command::Show { account } => session.show(&path(&account, ""), FACTS),
        Command::Create { account, tier, tier_ends_at, opening_balance, overdraft_limit } => {
            let body = json!({"accountId": account, "tier": tier, "tierEndsAt": tier_ends_at,
                "openingBalance": opening_balance, "overdraftLimit": overdraft_limit});
            session.try_or_act(&Method::POST, "/v1/accounts", body, FACTS)
        }
        Command::Plan { account, tier, tier_ends_at } => {
            let body = json!({"tier": tier, "tierEndsAt": tier_ends_at});
            session.try_or_act(&Method::POST, &path(&account, "/plan"), body, MOVED)
        }
        Command::Debit { movement, allow_overdraft } => {
            let mut body = moving(&movement)?;
            body["allowOverdraft"] = json!(allow_overdraft);
            session.try_or_act(&Method::POST, &path(&movement.account, "/debit"), body, MOVED)
        }
        Command::Credit { movement, expires_at } => {
            let mut body = moving(&movement)?;
            body["expiresAt"] = json!(expires_at);
            session.try_or_act(&Method::POST, &path(&movement.account, "/credit"), body, MOVED)
        }
        Command::Charge { account, operation_type, metadata } => {
            let body = json!({"operationType": operation_type, "metadata": facts(metadata.as_deref())?});
            session.try_or_act(&Method::POST, &path(&account, "/charge"), body, MOVED)
        }
        Command::Refund { account, original, amount, reason } => {
            let body = json!({"originalOperationId": original, "amount": amount, "reason": reason});
            session.try_or_act(&Method::POST, &path(&account, "/refund"), body, MOVED)
        }
        Command::Reset { account, balance, operation_type } => {
            let body = json!({"balance": balance, "operationType": operation_type});
            session.try_or_act(&Method::POST, &path(&account, "/reset"), body, MOVED)
        }
        Command::Affordability { account, operation_type, amount } => {
            let amount = amount.map(|amount| amount.to_string());
            let query = query(&[("operationType", &Some(operation_type)), ("amount", &amount)]);
            session.show(&path(&account, &format!("/affordability{query}")), AFFORDABILITY)
        }
        Command::Eligibility { account } => session.show(&path(&account, "/renewal"), ELIGIBILITY),
        Command::Holds(command) => holds(session, command),
        Command::Erase { account, before } => erase(session, &account, &path(&account, "/entries"), &[], before),
        Command::Entries { account, operation_type, range, limit } => {
            let query = query(&[("type", &operation_type), ("from", &range.from), ("to", &range.to)]);
            session.list(&path(&account, &format!("/entries{query}")), "entries", ENTRIES, limit)
        }
        Command::Statistics { account, range } => {
            statistics(session, &path(&account, "/statistics"), &[("from", &range.from), ("to", &range.to)])
        }
        Command::Balance { account, at } => {
            session.show(&path(&account, &format!("/balance{}", query(&[("at", &at)]))), BALANCE)
        }
        Command::Verify { account } => verify(session, &path(&account, "/verification"), &[]),
        Command::Checkout { account, checkout } => session.checkout(&path(&account, ""), &checkout),
        Command::Due { tier, by, limit } => {
            let query = query(&[("tier", &tier), ("by", &by)]);
            session.list(&format!("/v1/renewals/due{query}"), "accounts", DUE, limit)
        }
        Command::Renew { account } => {
            let dry = if session.client.is_dry_run { "?dryRun=true" } else { "" };
            let path = path(&account, &format!("/renewal{dry}"));
            let answer = session.client.ask_once(&Method::POST, &path, session.operation(), None)?;
            show::facts(session.format, RENEWED, &answer);
            Ok(())
        }
        Command::RenewDue { tier, limit, stop_on_error } => renew_due(session, tier.as_deref(), limit, !stop_on_error),
    }
}

fn facts(text: Option<&str>) -> Result<Value, Failure> {
    text.map_or(Ok(Value::Null), json_of)
}

fn moving(movement: &Movement) -> Result<Value, Failure> {
    let metadata = facts(movement.metadata.as_deref())?;
    Ok(json!({"operationType": movement.operation_type, "amount": movement.amount, "metadata": metadata}))
}

fn holds(session: &Session, command: Holds) -> Result<(), Failure> {
    match command {
        Holds::List { account } => {
            let reply = session.client.get(&path(&account, ""))?;
            show::rows(session.format, HOLDS, reply["holds"].as_array().map_or(&[], Vec::as_slice));
            Ok(())
        }
        Holds::Create { movement, seconds } => {
            let mut body = moving(&movement)?;
            body["expiresInSeconds"] = json!(seconds);
            session.try_or_act(&Method::POST, &path(&movement.account, "/holds"), body, HELD)
        }
        Holds::Commit { account, hold, amount } => {
            let path = path(&account, &format!("/holds/{}/commit", encoded(&hold)));
            session.try_or_act(&Method::POST, &path, json!({ "amount": amount }), MOVED)
        }
        Holds::Void { account, hold } => {
            let path = path(&account, &format!("/holds/{}/void", encoded(&hold)));
            session.try_or_act(&Method::POST, &path, json!({}), MOVED)
        }
    }
}

/// Erases call by call until nothing is left to erase.
pub(super) fn erase(
    session: &Session,
    of: &str,
    path: &str,
    asked: &[(&str, &Option<String>)],
    before: String,
) -> Result<(), Failure> {
    session.confirm(&format!("What was noted with the entries of {of} before {before} will be gone."))?;
    let before = Some(before);
    let dry_run = session.client.is_dry_run.then(|| "true".to_owned());
    let (mut cursor, mut erased) = (None, 0);
    for call in 0_u64.. {
        let parts = [("before", &before), ("dryRun", &dry_run), ("cursor", &cursor)];
        let parts: Vec<_> = asked.iter().copied().chain(parts).collect();
        let operation = format!("{}.{call}", session.operation());
        let reply = session.client.ask_once(&Method::DELETE, &format!("{path}{}", query(&parts)), &operation, None)?;
        erased += reply["erased"].as_i64().unwrap_or(0);
        cursor = reply["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    match session.format {
        Format::Json => show::line(&json!({"erased": erased, "dryRun": session.client.is_dry_run}).to_string()),
        Format::People => {
            show::line(&format!("{erased} entries {}", if dry_run.is_some() { "have facts" } else { "erased" }))
        }
    }
    Ok(())
}

/// Requests the sums of a ledger page by page, and shows the total.
pub(super) fn statistics(session: &Session, path: &str, asked: &[(&str, &Option<String>)]) -> Result<(), Failure> {
    let (mut sum, mut cursor) = (Value::Null, None);
    loop {
        let parts: Vec<_> = asked.iter().copied().chain([("cursor", &cursor)]).collect();
        let reply = session.client.get(&format!("{path}{}", query(&parts)))?;
        cursor = reply["nextCursor"].as_str().map(str::to_owned);
        sum = if sum.is_null() { reply } else { added(sum, &reply) };
        if cursor.is_none() {
            break;
        }
    }
    sum["nextCursor"] = Value::Null;
    show::facts(session.format, STATISTICS, &sum);
    Ok(())
}

/// The sum of two pages of statistics: figures are added, and rows of one operation type become one.
fn added(mut sum: Value, page: &Value) -> Value {
    for (name, figure) in page.as_object().into_iter().flatten() {
        match (sum[name].as_i64(), figure.as_i64()) {
            (Some(so_far), Some(more)) => sum[name] = json!(so_far.saturating_add(more)),
            _ if name == "byType" => sum[name] = added_rows(sum[name].take(), figure),
            _ => {}
        }
    }
    sum
}

fn added_rows(sum: Value, page: &Value) -> Value {
    let mut rows: BTreeMap<String, Value> = BTreeMap::new();
    for row in [&sum, page].into_iter().filter_map(Value::as_array).flatten() {
        let name = row["operationType"].as_str().unwrap_or_default().to_owned();
        let row = rows.remove(&name).map_or_else(|| row.clone(), |so_far| added(so_far, row));
        rows.insert(name, row);
    }
    rows.into_values().collect()
}

/// Checks page by page; an altered ledger is a failure of the command.
pub(super) fn verify(session: &Session, path: &str, asked: &[(&str, &Option<String>)]) -> Result<(), Failure> {
    let mut cursor = None;
    loop {
        let parts: Vec<_> = asked.iter().copied().chain([("cursor", &cursor)]).collect();
        let reply = session.client.get(&format!("{path}{}", query(&parts)))?;
        cursor = reply["nextCursor"].as_str().map(str::to_owned);
        if reply["intact"] != true {
            let at = &reply["firstBreak"];
            return Err(Failure::User(format!("Entry {} is not what it was: {}.", at["sequence"], at["reason"])));
        }
        if cursor.is_none() {
            match session.format {
                Format::Json => show::line(&format!("{reply:#}")),
                Format::People => show::line(&format!("{} entries, all as they were written", reply["verified"])),
            }
            return Ok(());
        }
    }
}

/// Renews call by call until nothing is due, with a progress bar at a terminal.
fn renew_due(session: &Session, tier: Option<&str>, limit: Option<u64>, go_on: bool) -> Result<(), Failure> {
    let bar = show::progress(limit.unwrap_or(0), "renewing");
    let (mut cursor, mut left) = (Value::Null, limit);
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    let mut errors = Vec::new();
    for call in 0_u64.. {
        let body = json!({"tier": tier, "limit": left.map_or(PER_CALL, |left| left.min(PER_CALL)), "cursor": cursor,
            "dryRun": session.client.is_dry_run, "continueOnError": go_on});
        let operation = format!("{}.{call}", session.operation());
        let reply = session.client.ask_once(&Method::POST, "/v1/renewals", &operation, Some(body))?;
        for name in ["totalProcessed", "successful", "failed", "skipped"] {
            *sums.entry(name).or_default() += reply[name].as_i64().unwrap_or(0);
        }
        errors.extend(reply["errors"].as_array().into_iter().flatten().cloned());
        let due = (reply["successful"].as_u64().unwrap_or(0)) + (reply["failed"].as_u64().unwrap_or(0));
        left = left.map(|left| left.saturating_sub(due));
        bar.set_position(sums.values().next().copied().unwrap_or(0).unsigned_abs());
        cursor = reply["cursor"].clone();
        let is_failed = !go_on && !errors.is_empty();
        if cursor.is_null() || left == Some(0) || is_failed {
            break;
        }
    }
    bar.finish_and_clear();
    let mut sum = json!(sums);
    if session.client.is_dry_run {
        sum["dryRun"] = json!(true);
    }
    if session.format == Format::Json {
        sum["errors"] = json!(errors);
    }
    show::facts(session.format, RENEWALS, &sum);
    if !errors.is_empty() && session.format == Format::People {
        show::rows(session.format, ERRORS, &errors);
    }
    match errors.is_empty() {
        true => Ok(()),
        false => Err(Failure::User(format!("{} accounts were not renewed.", errors.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_statistics_add_up() {
        let page = |spent: i64, rows: &[(&str, i64)]| {
            let rows: Vec<_> =
                rows.iter().map(|(name, spent)| json!({"operationType": name, "totalSpent": spent})).collect();
            json!({"from": null, "totalSpent": spent, "byType": rows, "nextCursor": "x"})
        };
        let sum = added(page(3, &[("a", 1), ("c", 2)]), &page(9, &[("a", 4), ("b", 5)]));
        assert_eq!(sum, page(12, &[("a", 5), ("b", 5), ("c", 2)]));
    }
}

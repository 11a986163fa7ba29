//! Organizations, their pools of tokens, members and access tokens.

use clap::{Subcommand, ValueEnum};
use http::Method;
use serde_json::json;

use super::accounts::{self, Range, query};
use super::{Failure, PackOrder, ROWS, Session};
use crate::client::encoded;
use crate::show::{self, Column, Format};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// The project's organizations, by name
    List {
        /// Only names that begin with this
        #[arg(long = "begins", value_name = "TEXT")]
        begins: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = ROWS)]
        limit: usize,
    },
    /// Check the ledgers of an organization's pools: is each entry what it was?
    Verify {
        /// The organization
        organization: String,
        /// One pool; else all
        #[arg(long = "type", value_enum)]
        token_type: Option<TokenType>,
    },
    /// What a pool's ledger adds up to
    Statistics {
        /// The organization
        organization: String,
        /// The pool
        #[arg(value_enum)]
        token_type: TokenType,
        #[command(flatten)]
        range: Range,
    },
    /// Erase the metadata of a pool's entries; amounts stay
    Erase {
        /// The organization
        organization: String,
        /// The pool
        #[arg(value_enum)]
        token_type: TokenType,
        /// Entries written before this instant, such as 2027-01-31T00:00:00Z
        #[arg(long)]
        before: String,
    },
    /// An organization and its pools
    Show {
        /// The organization
        organization: String,
    },
    /// Create an organization with its five pools
    Create {
        /// Your own name for it
        organization: String,
        /// The plan: starter, pro, enterprise, or one of the project's own
        plan: String,
    },
    /// Put an organization on a plan; its pools are raised at once
    Plan {
        /// The organization
        organization: String,
        /// The plan
        plan: String,
    },
    /// Credit tokens to a pool
    Grant {
        /// The organization
        organization: String,
        /// How many tokens
        amount: i64,
        /// The pool
        #[arg(long = "type", value_enum, default_value = "general")]
        token_type: TokenType,
        /// When they end, such as 2027-01-31T00:00:00Z
        #[arg(long)]
        expires_at: Option<String>,
    },
    /// Order a pack of tokens for an organization; prints where to pay it
    Checkout {
        /// The organization
        organization: String,
        #[command(flatten)]
        checkout: PackOrder,
    },
    /// List a pool's ledger, newest first
    Usage {
        /// The organization
        organization: String,
        /// The pool
        #[arg(value_enum)]
        token_type: TokenType,
        /// At most so many
        #[arg(long, default_value_t = ROWS)]
        limit: usize,
    },
    /// Add a member
    AddMember {
        /// The organization
        organization: String,
        /// The user
        user: String,
    },
    /// Take a user's membership away, at once
    RemoveMember {
        /// The organization
        organization: String,
        /// The user
        user: String,
    },
    /// Create an access token for a web application; it is shown once
    Token {
        /// The one organization it is for
        #[arg(long, required_unless_present = "user")]
        organization: Option<String>,
        /// The user it is for
        #[arg(long)]
        user: Option<String>,
        /// For how long
        #[arg(long)]
        seconds: Option<i64>,
    },
    /// Revoke an access token at once
    RevokeToken {
        /// Its id: what `token` showed, or the SHA-256 of the token, in hex
        token: String,
    },
    /// Revoke all access tokens of an organization, of a user, or of a user for an organization
    RevokeTokens {
        /// Only those for this organization
        #[arg(long, required_unless_present = "user")]
        organization: Option<String>,
        /// Only those for this user
        #[arg(long)]
        user: Option<String>,
    },
}

/// A kind of tokens.
#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum TokenType {
    /// Leads
    LeadGeneration,
    /// Goals
    GoalGeneration,
    /// Strategies
    StrategyAnalysis,
    /// Forecasts
    Forecast,
    /// Everything else
    General,
}

impl TokenType {
    fn text(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

const LISTED: &[Column] = &[("ORGANIZATION", "/organizationId"), ("PLAN", "/plan"), ("CREATED", "/createdAt")];
const FACTS: &[Column] = &[
    ("organization", "/organizationId"),
    ("plan", "/plan"),
    ("balance", "/tokens/totalBalance"),
    ("used", "/tokens/totalUsed"),
    ("allocated", "/tokens/totalAllocated"),
    ("refresh", "/tokens/refreshDate"),
    ("dry run", "/dryRun"),
];
const POOLS: &[Column] = &[
    ("POOL", "/tokenType"),
    ("BALANCE", "/balance"),
    ("USED", "/used"),
    ("ALLOCATED", "/allocated"),
    ("PERCENT", "/percentage"),
    ("LOW", "/low"),
];
const GRANTED: &[Column] =
    &[("balance", "/newBalance"), ("entry", "/ledgerEntryId"), ("done before", "/replayed"), ("dry run", "/dryRun")];
const USAGE: &[Column] = &[
    ("WHEN", "/recordedAt"),
    ("FEATURE", "/operationType"),
    ("USER", "/metadata/userId"),
    ("AMOUNT", "/amount"),
    ("LEFT", "/balanceAfter"),
];
const MEMBER: &[Column] = &[("organization", "/organizationId"), ("user", "/userId"), ("member", "/member")];
const TOKEN: &[Column] = &[
    ("token, shown once", "/accessToken"),
    ("token's id", "/tokenId"),
    ("organization", "/organizationId"),
    ("user", "/userId"),
    ("expires", "/expiresAt"),
];

const REVOKED: &[Column] = &[("token's id", "/tokenId"), ("revoked", "/revokedAt")];

/// Revokes call by call until none is left.
fn revoke_tokens(session: &Session, organization: &Option<String>, user: &Option<String>) -> Result<(), Failure> {
    session.confirm("What calls with these access tokens will be refused.")?;
    let (mut cursor, mut revoked) = (None, 0);
    for call in 0_u64.. {
        let asked = query(&[("organizationId", organization), ("userId", user), ("cursor", &cursor)]);
        let (path, operation) = (format!("/v1/access-tokens{asked}"), format!("{}.{call}", session.operation()));
        let reply = session.client.send(&Method::DELETE, &path, &operation, None)?;
        revoked += reply["revoked"].as_i64().unwrap_or(0);
        cursor = reply["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if session.client.is_dry_run {
        return Ok(());
    }
    match session.format {
        Format::Json => show::line(&json!({ "revoked": revoked }).to_string()),
        Format::People => show::line(&format!("{revoked} revoked")),
    }
    Ok(())
}

fn path(organization: &str, tail: &str) -> String {
    format!("/v1/organizations/{}{tail}", encoded(organization))
}

pub(crate) fn run(session: &Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::List { begins, limit } => {
            let path = format!("/v1/organizations{}", query(&[("q", &begins)]));
            session.list(&path, "organizations", LISTED, limit)
        }
        Command::Verify { organization, token_type } => {
            let pools = token_type.map_or(TokenType::value_variants().to_vec(), |pool| vec![pool]);
            let path = path(&organization, "/verification");
            for pool in pools {
                if session.format == Format::People {
                    show::line(&pool.text());
                }
                accounts::verify(session, &path, &[("tokenType", &Some(pool.text()))])?;
            }
            Ok(())
        }
        Command::Statistics { organization, token_type, range } => {
            let pool = Some(token_type.text());
            let asked = [("tokenType", &pool), ("from", &range.from), ("to", &range.to)];
            accounts::statistics(session, &path(&organization, "/statistics"), &asked)
        }
        Command::Erase { organization, token_type, before } => {
            let (of, pool) = (format!("{organization}'s pool {}", token_type.text()), Some(token_type.text()));
            accounts::erase(session, &of, &path(&organization, "/usage"), &[("tokenType", &pool)], before)
        }
        Command::Show { organization } => {
            let reply = session.client.get(&path(&organization, ""))?;
            show::facts(session.format, FACTS, &reply);
            if session.format == Format::People {
                let pools: Vec<_> = reply["tokens"]["byType"].as_array().into_iter().flatten().cloned().collect();
                show::rows(session.format, POOLS, &pools);
            }
            Ok(())
        }
        Command::Create { organization, plan } => {
            let body = json!({"organizationId": organization, "plan": plan});
            session.try_or_act(&Method::POST, "/v1/organizations", body, FACTS)
        }
        Command::Plan { organization, plan } => {
            session.try_or_act(&Method::PUT, &path(&organization, "/plan"), json!({ "plan": plan }), FACTS)
        }
        Command::Grant { organization, amount, token_type, expires_at } => {
            let body = json!({"tokenType": token_type.text(), "amount": amount, "expiresAt": expires_at});
            session.try_or_act(&Method::POST, &path(&organization, "/tokens"), body, GRANTED)
        }
        Command::Checkout { organization, checkout } => session.checkout(&path(&organization, ""), &checkout),
        Command::Usage { organization, token_type, limit } => {
            let path = path(&organization, &format!("/usage?tokenType={}", token_type.text()));
            session.list(&path, "entries", USAGE, limit)
        }
        Command::AddMember { organization, user } => {
            session.act(&Method::PUT, &path(&organization, &format!("/members/{}", encoded(&user))), None, MEMBER)
        }
        Command::RemoveMember { organization, user } => {
            let path = path(&organization, &format!("/members/{}", encoded(&user)));
            session.act(&Method::DELETE, &path, None, MEMBER)
        }
        Command::RevokeToken { token } => {
            session.confirm(&format!("What calls with the access token {token} will be refused."))?;
            session.act(&Method::DELETE, &format!("/v1/access-tokens/{}", encoded(&token)), None, REVOKED)
        }
        Command::RevokeTokens { organization, user } => revoke_tokens(session, &organization, &user),
        Command::Token { organization, user, seconds } => {
            let body = json!({"organizationId": organization, "userId": user, "expiresInSeconds": seconds});
            session.act(&Method::POST, "/v1/access-tokens", Some(body), TOKEN)
        }
    }
}

//! Every method of the client by its name, with arguments and results in JSON.

use std::time::Duration;

use ltlm_client::call::{Call, Consumption, Outcome, Reply};
use ltlm_client::{Client, Error, ErrorCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// A method with its arguments, named as in Rust. In JSON it is an object with one member.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(crate) enum Method {
    LoadStored {},
    Activate {
        key: String,
    },
    Validate {
        key: String,
    },
    Refresh {},
    SignOut {},
    Reactivate {},
    Clear {},
    ImportFile {
        text: String,
    },
    Heartbeat {},
    Status {},
    Snapshot {},
    License {},
    Hwid {},
    Balance {},
    HasTokens {
        amount: i64,
    },
    Consume {
        amount: i64,
        action: String,
        meta: Option<Object>,
    },
    ConsumeConfirmed {
        amount: i64,
        action: String,
        meta: Option<Object>,
        operation_id: Option<String>,
    },
    Operation {
        operation_id: String,
    },
    Sync {},
    Pending {},
    Entitled {
        capability: Option<String>,
        #[serde(default)]
        tokens: i64,
    },
    HasCapability {
        name: String,
    },
    ProjectSetting {
        name: String,
    },
    Seats {},
    ReleaseSeat {
        hwid: String,
        #[serde(default)]
        claim: bool,
    },
    Settings {},
    SaveSettings {
        settings: Object,
    },
    LocalSettings {},
    TopUpOptions {},
    TopUp {
        pack_id: String,
        redirect_url: Option<String>,
    },
    Buyable {},
    Checkout {
        policy_id: String,
        email: String,
        redirect_url: Option<String>,
    },
    Trial {
        email: String,
    },
    RequestCode {
        email: String,
    },
    VerifyCode {
        email: String,
        code: String,
    },
    History {
        #[serde(default = "rows")]
        limit: u32,
        cursor: Option<String>,
    },
    Report {
        kind: String,
        #[serde(default)]
        payload: Object,
    },
    Pause {},
    Resume {},
}

fn rows() -> u32 {
    100
}

/// JSON of what the client answers with, which always has some.
fn value(answer: impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(answer).map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))
}

fn bad(message: String) -> Error {
    Error::new(ErrorCode::BadArgument, message)
}

/// A JSON object that may be missing.
pub(crate) fn object(text: Option<&str>) -> Result<Option<Object>, Error> {
    let Some(text) = text else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|error| bad(format!("This is no JSON object: {error}.")))
}

impl Method {
    /// The method of a name, with arguments in JSON.
    pub(crate) fn parse(name: &str, arguments: Option<&str>) -> Result<Self, Error> {
        let arguments = object(arguments)?.unwrap_or_default();
        let named = Object::from_iter([(name.to_owned(), Value::Object(arguments))]);
        serde_json::from_value(Value::Object(named))
            .map_err(|error| bad(format!("{name} cannot be called so: {error}.")))
    }

    /// Calls it, and waits.
    pub(crate) fn run(self, client: &Client, timeout: Duration) -> Result<Value, Error> {
        let call = match self {
            Self::LoadStored {} => Call::LoadStored,
            Self::Activate { key } | Self::Validate { key } => Call::Activate { key },
            Self::Refresh {} => Call::Refresh,
            Self::SignOut {} => Call::SignOut,
            Self::Reactivate {} => Call::Reactivate,
            Self::Clear {} => Call::Clear,
            Self::ImportFile { text } => Call::ImportFile { text },
            Self::Heartbeat {} => Call::Heartbeat,
            Self::Consume { amount, action, meta } => Call::Consume(Consumption { amount, action, meta }),
            Self::ConsumeConfirmed { amount, action, meta, operation_id } => {
                Call::ConsumeConfirmed { consumption: Consumption { amount, action, meta }, operation_id }
            }
            Self::Sync {} => Call::Sync,
            Self::Seats {} => Call::Seats,
            Self::ReleaseSeat { hwid, claim } => Call::ReleaseSeat { hwid, claim },
            Self::Settings {} => Call::Settings,
            Self::SaveSettings { settings } => Call::SaveSettings { settings },
            Self::TopUp { pack_id, redirect_url } => Call::TopUp { pack_id, redirect_url },
            Self::Buyable {} => Call::Buyable,
            Self::Checkout { policy_id, email, redirect_url } => Call::Checkout { policy_id, email, redirect_url },
            Self::Trial { email } => Call::Trial { email },
            Self::RequestCode { email } => Call::RequestCode { email },
            Self::VerifyCode { email, code } => Call::VerifyCode { email, code },
            Self::History { limit, cursor } => Call::History { limit, cursor },
            Self::Report { kind, payload } => Call::Report { kind, payload },
            local => return local.read(client),
        };
        rendered(client.call_within(call, timeout)?, client)
    }

    /// What is known without asking the server, or for [`Method::HasTokens`] in any case.
    fn read(self, client: &Client) -> Result<Value, Error> {
        match self {
            Self::Status {} => {
                let (status, reason) = client.status();
                Ok(json!({"status": status, "reason": reason}))
            }
            Self::Snapshot {} => value(client.snapshot()),
            Self::License {} => value(client.license().as_deref()),
            Self::Hwid {} => Ok(client.hwid().into()),
            Self::Balance {} => Ok(client.balance().into()),
            Self::HasTokens { amount } => Ok(client.has_tokens(amount).into()),
            Self::Operation { operation_id } => Ok(outcome(&client.operation(&operation_id))),
            Self::Pending {} => Ok(client.pending().into()),
            Self::Entitled { capability, tokens } => Ok(client.entitled(capability.as_deref(), tokens).into()),
            Self::HasCapability { name } => Ok(client.has_capability(&name).into()),
            Self::ProjectSetting { name } => value(client.project_setting(&name)),
            Self::LocalSettings {} => Ok(client.local_settings().into()),
            Self::TopUpOptions {} => value(client.top_up_options()),
            Self::Pause {} => {
                client.pause();
                Ok(json!({}))
            }
            Self::Resume {} => {
                client.resume();
                Ok(json!({}))
            }
            _ => Err(Error::new(ErrorCode::Internal, "This method has no body.")),
        }
    }
}

/// What a call came to.
fn rendered(reply: Reply, client: &Client) -> Result<Value, Error> {
    match reply {
        Reply::Done => Ok(json!({})),
        Reply::Status(_) => value(client.snapshot()),
        Reply::Answer(answer) => Ok(answer.into()),
        Reply::Recorded { operation_id, balance } => {
            Ok(json!({"operationId": operation_id, "balance": balance, "operation": null}))
        }
        Reply::Charged(operation) => {
            Ok(json!({"operationId": operation.operation_id, "balance": client.balance(), "operation": operation}))
        }
        Reply::Synced { charged, skipped } => Ok(json!({"charged": charged, "skipped": skipped})),
        Reply::Seats(list) => value(list),
        Reply::Released(answer) => value(answer),
        Reply::Settings(settings) => Ok(settings.into()),
        Reply::Checkout(page) => value(page),
        Reply::Policies(policies) => value(policies),
        Reply::Trial(answer) => value(answer),
        Reply::Portfolio(portfolio) => value(portfolio),
        Reply::History(page) => value(page),
        Reply::License(license) => value(&*license),
    }
}

/// What became of an operation: `unknown`, `queued`, `unresolved`, `charged`, or `refused` or `skipped` with a reason.
fn outcome(outcome: &Outcome) -> Value {
    let (word, reason) = match outcome {
        Outcome::Queued => ("queued", None),
        Outcome::Unresolved => ("unresolved", None),
        Outcome::Charged => ("charged", None),
        Outcome::Refused(code) => ("refused", Some(code)),
        Outcome::Skipped(reason) => ("skipped", Some(reason)),
        _ => ("unknown", None),
    };
    json!({"outcome": word, "reason": reason})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_found_by_their_names_and_arguments_are_not_guessed() {
        let found = |name: &str, arguments: &str| Method::parse(name, Some(arguments));
        assert_eq!(Method::parse("load_stored", None), Ok(Method::LoadStored {}));
        let expected = Method::Consume { amount: 3, action: "export".to_owned(), meta: None };
        assert_eq!(found("consume", r#"{"amount": 3, "action": "export"}"#), Ok(expected));
        let page = Method::TopUp { pack_id: "p".to_owned(), redirect_url: Some("https://a".to_owned()) };
        assert_eq!(found("top_up", r#"{"packId": "p", "redirectUrl": "https://a"}"#), Ok(page));
        for (name, arguments) in [
            ("Activate", r#"{"key": "k"}"#),
            ("activate", "{}"),
            ("activate", r#"{"key": "k", "extra": 1}"#),
            ("consume", r#"{"amount": 1.5, "action": "a"}"#),
            ("activate", "[]"),
            ("activate", "{"),
            ("", "{}"),
        ] {
            let error = found(name, arguments).unwrap_err();
            assert_eq!(error.code, ErrorCode::BadArgument, "{name} {arguments}");
        }
    }

    /// The list of the client's methods in its source, so that none is forgotten here.
    #[test]
    fn every_method_of_the_client_has_its_name_here() {
        let (_, client) = include_str!("../../core/src/runtime/client.rs").split_once("impl Client {").unwrap();
        let methods = client.split("    pub fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
        // What makes and ends clients, tells of events or is made of the others, C has functions for.
        let own = ["open", "with", "call_within", "timeout", "announce", "on_event", "next_event", "events", "close"];
        let methods: Vec<_> = methods.filter(|name| !own.contains(name)).collect();
        assert!(methods.len() > 35, "{methods:?}");
        for name in methods {
            let error = Method::parse(name, Some(r#"{"no such argument": 1}"#)).unwrap_err();
            assert!(error.message.contains("unknown field"), "{name}: {error}");
        }
    }
}

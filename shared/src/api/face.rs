//! Calls that come plain or in an envelope, for handlers that serve both.

use serde_json::{Value, json};

use crate::api::extract::Incoming;
use crate::api::reply::{Failure, Reply};
use crate::api::sealed::SealedRequest;
use crate::domain::pro::nonce::NonceRule;
use crate::service::pro::project_call::{MaybeSigned, ProjectCall};

/// How a call came: the answer goes back the same way.
pub(crate) enum Face {
    /// As JSON.
    Plain(Value),
    /// In an envelope.
    Sealed(Box<SealedRequest>),
}

impl Face {
    /// Routes whose names begin with `pro-` take envelopes; a plain one without a body is asked nothing.
    pub(crate) fn of<T>(incoming: &Incoming<'_, T>) -> Result<Self, Failure> {
        match (incoming.route.name.starts_with("pro-"), incoming.route.body) {
            (true, _) => Ok(Self::Sealed(Box::new(SealedRequest::open(incoming)?))),
            (false, true) => Ok(Self::Plain(incoming.json()?)),
            (false, false) => Ok(Self::Plain(json!({}))),
        }
    }

    /// What is asked.
    pub(crate) fn body(&self) -> &Value {
        match self {
            Self::Plain(body) => body,
            Self::Sealed(sealed) => &sealed.body,
        }
    }

    /// What is asked, without what names the license or the device.
    pub(crate) fn facts(&self) -> Value {
        match self {
            Self::Plain(body) => body.clone(),
            Self::Sealed(sealed) => sealed.facts(),
        }
    }

    /// The call on the project.
    pub(crate) fn call<T>(&self, incoming: &Incoming<'_, T>) -> Result<ProjectCall, Failure> {
        let turn = match self {
            Self::Plain(_) => None,
            Self::Sealed(sealed) => Some(sealed.turn(incoming, NonceRule::Lenient)),
        };
        Ok(ProjectCall { access: incoming.access()?, turn, now: incoming.now })
    }

    /// The answer; `key` is the license's, if the call is on one.
    pub(crate) fn reply<T, R: serde::Serialize>(
        &self,
        incoming: &Incoming<'_, T>,
        key: Option<&str>,
        served: MaybeSigned<R>,
    ) -> Result<Reply, Failure> {
        match self {
            Self::Plain(_) => Ok(Reply::json(&served.reply)),
            Self::Sealed(sealed) => sealed.sealed(incoming, NonceRule::Lenient, key, &served.signed()?),
        }
    }
}

//! The routes and the functions that serve them, generated from [`crate::functions`].

use ltlm_protocol::Code;

use crate::api::cursor::{self, List};
use crate::api::function::Auth::{Administrator, Member, Open, Project};
use crate::api::function::{Auth, Client, Function, Setting};
use crate::api::parameter::{self, Parameter};
use crate::keys::Purpose;
use crate::model::administrator::Scope;
use crate::model::quota::Traffic;

macro_rules! license {
    ($tail:literal) => {
        concat!("/v1/sdk/license/{key}", $tail)
    };
}

macro_rules! pro {
    ($tail:literal) => {
        concat!("/v1/sdk/pro/license", $tail)
    };
}

/// Does a row's list of flags name the operation id? Another flag does not compile.
macro_rules! takes_operation_id {
    ([]) => {
        false
    };
    ([operation_id]) => {
        true
    };
}

/// Is there anything?
macro_rules! given {
    () => {
        false
    };
    ($($any:tt)+) => {
        true
    };
}

/// The list of a cursor, if there is one.
macro_rules! list {
    () => {
        None
    };
    ($list:ident) => {
        Some(cursor::$list)
    };
}

/// As what quotas count a route.
macro_rules! traffic {
    (none) => {
        None
    };
    ($kind:ident) => {
        Some(Traffic::$kind)
    };
}

macro_rules! tables {
    ($(fn $function:ident $fields:tt {$(
        $endpoint:ident: $name:literal, $method:ident $path:expr, $auth:expr, $flags:tt, $handler:path, $summary:literal, {
            $(request: $request:ty,)?
            $(query: [$($parameter:ident),*],)?
            $(cursor: $list:ident,)?
            response: $status:literal $response:ty,
            $(refusals: [$($refusal:ident),*],)?
            quota: $quota:ident $(,)?
        };
    )*})*) => {
        /// What a route does: one word for its handler, its event file and its tests.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Endpoint {
            $($(#[doc = $summary] $endpoint,)*)*
        }

        /// All routes.
        pub const ROUTES: &[Route] = &[$($(Route {
            endpoint: Endpoint::$endpoint,
            name: $name,
            method: stringify!($method),
            path: $path,
            function: rows::$function().name,
            auth: $auth,
            body: given!($($request)?),
            operation_id: takes_operation_id!($flags),
            query: &[$($(parameter::$parameter),*)?],
            cursor: list!($($list)?),
            status: $status,
            refusals: &[$($(Code::$refusal),*)?],
            quota: traffic!($quota),
            summary: $summary,
        },)*)*];

        /// The row of each function.
        pub mod rows {
            use super::*;

            $(#[doc = concat!("The function `", stringify!($function), "`.")]
            pub const fn $function() -> Function {
                Function $fields
            })*
        }

        /// All functions, with exactly the permissions that the template gives them.
        pub const FUNCTIONS: &[Function] = &[$(rows::$function(),)*];
    };
}

crate::functions!(tables);

/// One route.
#[derive(Debug)]
pub struct Route {
    /// What it does.
    pub endpoint: Endpoint,
    /// Its name: of the event file and in logs.
    pub name: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// Path, without the prefix `/api`, which it can have in requests.
    pub path: &'static str,
    /// The Lambda function that serves it.
    pub function: &'static str,
    /// The callers that it admits.
    pub auth: Auth,
    /// Does it take a JSON body?
    pub body: bool,
    /// Does it take an operation id?
    pub operation_id: bool,
    /// The parameters of its query, besides `cursor` and those of every such route.
    pub query: &'static [Parameter],
    /// The list that its cursors are of, if it answers page by page.
    pub cursor: Option<List>,
    /// The status of its success.
    pub status: u16,
    /// The codes that it can refuse with, besides those of every such route.
    pub refusals: &'static [Code],
    /// As what a project's quotas count it; `None`: they never do.
    pub quota: Option<Traffic>,
    /// For the documents.
    pub summary: &'static str,
}

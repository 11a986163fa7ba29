//! The handlers of each function's routes. A binary names those of its own function, and the linker leaves out all others.

use std::future::Future;
use std::pin::Pin;

use crate::api::extract::Incoming;
use crate::api::handlers::{
    accounts, admin, health, license, organizations, portal, pro, project_ledgers, store, webhooks,
};
use crate::api::reply::{Failure, Reply};
use crate::api::routes::Endpoint;
use crate::table::port::Table;

/// A handler at work.
pub type Handling<'a> = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send + 'a>>;

/// Answers a request of one route.
pub type Handler<T> = for<'a> fn(&'a Incoming<'_, T>) -> Handling<'a>;

/// The handlers of a function's routes: `None` for the routes of others.
pub type Handlers<T> = fn(Endpoint) -> Option<Handler<T>>;

/// Puts a handler's future on the heap, from a frame of its own: one frame with the futures of all handlers would be large.
fn on_heap<'a, F>(handler: impl FnOnce() -> F) -> Handling<'a>
where
    F: Future<Output = Result<Reply, Failure>> + Send + 'a,
{
    Box::pin(handler())
}

macro_rules! handlers {
    ($(fn $function:ident $fields:tt {$(
        $endpoint:ident: $name:literal, $method:ident $path:expr, $auth:expr, $takes:tt, $handler:path, $summary:literal, $details:tt;
    )*})*) => {
        $(
            #[doc = concat!("Of the function `", stringify!($function), "`.")]
            pub fn $function<T: Table>(endpoint: Endpoint) -> Option<Handler<T>> {
                match endpoint {
                    $(Endpoint::$endpoint => Some(|incoming| on_heap(|| $handler(incoming))),)*
                    _ => None,
                }
            }
        )*

        /// Of all functions, for a server that is not cut into them.
        pub fn every<T: Table>(endpoint: Endpoint) -> Option<Handler<T>> {
            match endpoint {
                $($(Endpoint::$endpoint => Some(|incoming| on_heap(|| $handler(incoming))),)*)*
            }
        }
    };
}

crate::functions!(handlers);

//! The content of each function's program. A binary refers to one of these statics, and the linker leaves out the
//! handlers and clients of all others: most of the start-up time of a program depends on its size.

use std::sync::Arc;

use aws_config::SdkConfig;

use crate::api::function::{Client, Function};
use crate::api::routes::rows;
use crate::api::serving::{self, Handlers};
use crate::host::config::Config;
use crate::host::queue::Sqs;
use crate::host::secrets::Secret;
use crate::host::stripe::{self, Stripe};
use crate::keys::kms::Kms;
use crate::service::ports::{Payments, Queue};
use crate::table::dynamo::Dynamo;

/// Creates a client, if it is configured.
pub(super) type Maker<C> = fn(&SdkConfig, &Config) -> Option<C>;

/// The program of a function: its routes' handlers, and the constructors of its clients.
pub struct Program {
    pub(super) handlers: Handlers<Dynamo>,
    pub(super) kms: Option<Maker<Kms>>,
    pub(super) payments: Option<Maker<Arc<dyn Payments>>>,
    pub(super) outbox: Option<Maker<Arc<dyn Queue>>>,
}

fn make_kms(sdk: &SdkConfig, config: &Config) -> Option<Kms> {
    config.kms_key.as_ref().map(|key| Kms::new(sdk, key))
}

fn make_payments(sdk: &SdkConfig, config: &Config) -> Option<Arc<dyn Payments>> {
    let secret = Secret::new(sdk, config.payment_secret.as_ref()?);
    Some(Arc::new(Stripe::new(config.stripe_api.as_deref().unwrap_or(stripe::API), secret)))
}

fn make_outbox(sdk: &SdkConfig, config: &Config) -> Option<Arc<dyn Queue>> {
    config.outbox_url.as_ref().map(|url| Arc::new(Sqs::new(sdk, url)) as Arc<dyn Queue>)
}

impl Program {
    const fn new(row: &Function, handlers: Handlers<Dynamo>) -> Self {
        let mut program = Self { handlers, kms: None, payments: None, outbox: None };
        if !row.key_actions.is_empty() {
            program.kms = Some(make_kms);
        }
        let mut clients = row.clients;
        while let [client, rest @ ..] = clients {
            match client {
                Client::Payments => program.payments = Some(make_payments),
                Client::Outbox => program.outbox = Some(make_outbox),
            }
            clients = rest;
        }
        program
    }
}

macro_rules! programs {
    ($(fn $function:ident $fields:tt {$($routes:tt)*})*) => {$(
        #[doc = concat!("Of the function `", stringify!($function), "`.")]
        pub fn $function() -> &'static Program {
            // A static: what it names is compiled here once, and not in each binary.
            static PROGRAM: Program = Program::new(&rows::$function(), serving::$function);
            &PROGRAM
        }
    )*};
}

crate::functions!(programs);

//! `cargo run -p ltlm-local`: the product on this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, ValueEnum};
use local::background::Background;
use local::clock::MovableClock;
use local::demo;
use local::engine::{Engine, Storage};
use local::folder::{DataFolder, FolderError};
use local::kms::KeyService;
use local::queue::WorkQueue;
use local::server::router;
use local::state::Server;
use local::stripe::StripeServer;
use local::table_stream::StreamReader;
use local::wiring::{self, Endpoints};
use serde_json::{Value, json};
use shared::service::app::chain;
use shared::service::ports::Clock;
use tokio::net::TcpListener;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// LTLM on this machine: every route, the table and the key service in one process.
#[derive(Parser)]
#[command(name = "local", version)]
struct Options {
    /// Port to listen on
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// Folder that keeps the data
    #[arg(long, default_value = ".ltlm")]
    data: PathBuf,
    /// Forget the data first
    #[arg(long)]
    fresh: bool,
    /// Use this DynamoDB endpoint instead of the embedded engine; region and credentials come from the environment
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// What to fill an empty table with
    #[arg(long, value_name = "NAME", default_value = "basic")]
    demo: Demo,
    /// Run nothing automatically: no schedule, no worker, no reader of the table's stream
    #[arg(long)]
    no_schedule: bool,
    /// Print the ready line only
    #[arg(long)]
    quiet: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Demo {
    /// A project, three policies, a license of each
    Basic,
    /// The same, and 240 accounts over whose renewals a night passes: the clock moves on by 30 days
    Renewals,
    /// Nothing
    None,
}

/// Exit code for what the user can mend: a port in use, a folder that cannot be read.
const USER_ERROR: u8 = 2;

fn main() -> ExitCode {
    let options = Options::parse();
    let level = if options.quiet { LevelFilter::ERROR } else { LevelFilter::INFO };
    // Our own lines only: the engine and the SDK repeat what they were sent.
    let filter = Targets::new().with_target("shared", level).with_target("local", level);
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).finish().with(filter).init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("no runtime: {error}")),
    };
    match runtime.block_on(run(options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => fail(&sentence),
    }
}

fn fail(sentence: &str) -> ExitCode {
    eprintln!("{sentence}");
    ExitCode::from(USER_ERROR)
}

async fn run(options: Options) -> Result<(), String> {
    let address = SocketAddr::new(options.address, options.port);
    let listener = TcpListener::bind(address).await.map_err(|error| format!("Cannot listen on {address}: {error}."))?;
    let address = listener.local_addr().map_err(|error| format!("Cannot tell the address: {error}."))?;
    // Where another copy runs on this folder, nothing is touched.
    let folder = Arc::new(DataFolder::open(&options.data).map_err(sentence)?);
    if options.fresh {
        folder.empty().map_err(sentence)?;
    }
    let known = folder.read_demo().map_err(sentence)?;

    let master_key = folder.master_key(options.endpoint_url.is_some()).map_err(sentence)?;
    let clock = Arc::new(MovableClock::kept_in(folder.clone()).map_err(sentence)?);
    let keys =
        KeyService::start(master_key).await.map_err(|error| format!("Cannot start the key service: {error}."))?;
    let engine = match &options.endpoint_url {
        Some(url) => {
            wiring::check_environment(url).await?;
            None
        }
        None => Some(engine(&folder).await?),
    };
    let table = options.endpoint_url.as_deref().or(engine.as_ref().map(Engine::endpoint)).unwrap_or_default();
    let stripe = StripeServer::start(&format!("http://{address}/__local/pay"))
        .await
        .map_err(|error| format!("Cannot start the payment provider: {error}."))?;
    let outbox = WorkQueue::start(clock.clone(), local::queue::OUTBOX)
        .await
        .map_err(|error| format!("Cannot start the queue: {error}."))?;
    let outbox = Arc::new(outbox);
    let endpoints = Endpoints {
        outbox: outbox.endpoint(),
        table,
        table_is_external: engine.is_none(),
        keys: keys.endpoint(),
        stripe: stripe.endpoint(),
    };
    let first = known.is_none();
    let known = known.unwrap_or_default();
    let admin_key = known["adminKey"].as_str().map_or_else(demo::new_admin_key, str::to_owned);
    let host = wiring::build(endpoints, clock.clone(), &admin_key).await.map_err(|error| {
        format!("Cannot open the table at {table}: {}.", chain(error.as_ref()).trim_end_matches('.'))
    })?;
    let host = Arc::new(host);
    // Only the embedded engine's stream: another table's belongs to whoever runs it.
    let stream = match &engine {
        None => None,
        Some(engine) => {
            let cannot = |error: &dyn std::fmt::Display| format!("Cannot read the table's stream: {error}.");
            match engine.changes().map_err(|error| cannot(&error))? {
                None => None,
                Some(changes) => StreamReader::take(engine.endpoint(), wiring::TABLE, changes)
                    .await
                    .map_err(|error| cannot(&error))?,
            }
        }
    };
    let background = Background::start(host.clone(), outbox, stream, !options.quiet).await;
    let background = Arc::new(background.map_err(|error| format!("Cannot start the queue: {error}."))?);

    let base_url = format!("http://{address}");
    let mut demo = match options.demo {
        Demo::Basic | Demo::Renewals => {
            let cannot = |error| {
                format!("Cannot make the demo: {error}. What another version wrote may not fit: --fresh starts anew.")
            };
            demo::make(&host, &admin_key).await.map_err(cannot)?
        }
        // What an earlier start made can be used on.
        Demo::None => known.clone(),
    };
    demo["baseUrl"] = json!(base_url);
    demo["adminKey"] = json!(admin_key);
    folder.write_demo(&demo).map_err(sentence)?;

    let server =
        Arc::new(Server::new(host.clone(), background.clone(), clock.clone(), stripe, address, !options.quiet));
    // Who reads that we are ready may stop us at once.
    let stop = asked_to_stop();
    say(&format!(
        "LTLM is ready on {base_url} (data in {}, keys and secrets in {})",
        options.data.display(),
        folder.demo().display()
    ));
    if clock.offset_ms() != 0 && !options.quiet {
        say(&format!("Its clock was moved, and is at {}.", clock.now()));
    }
    if first && !options.quiet && options.demo == Demo::Basic {
        say(&walk_through(&demo));
    }
    if options.demo == Demo::Renewals {
        let project = demo["projectId"].as_str().unwrap_or_default();
        demo::night(&host, &background, &clock, &admin_key, project, say)
            .await
            .map_err(|error| format!("The renewals' night failed: {error}."))?;
    }
    let served = axum::serve(listener, router(server).into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(stop);
    let running = async {
        match options.no_schedule {
            true => std::future::pending().await,
            false => background.run(clock.as_ref()).await,
        }
    };
    tokio::select! {
        ended = async { served.await } => ended.map_err(|error| format!("The server ended: {error}.")),
        () = running => Ok(()),
    }
}

/// What a data folder says of itself.
fn sentence(error: FolderError) -> String {
    error.to_string()
}

/// The embedded engine on the folder's database, if that is whole.
async fn engine(folder: &DataFolder) -> Result<Engine, String> {
    folder.check_database().map_err(sentence)?;
    Engine::start(Storage::File(&folder.database())).await.map_err(|error| format!("{error}."))
}

/// Output for the user, not the log.
fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// What to do next, as commands to paste.
fn walk_through(demo: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (base, secret, key) = (text(&demo["baseUrl"]), text(&demo["projectSecret"]), text(&demo["licenses"]["SUB"]));
    format!(
        "\nTry it (more in README.md):\n\n\
         URL={base}/v1/sdk/license/{key}\n\
         SECRET={secret}\n\
         curl -s $URL/activate -H \"x-project-secret: $SECRET\" -H 'content-type: application/json' -d '{{\"hwid\":\"desk-a\"}}'\n\
         curl -s $URL/consume -H \"x-project-secret: $SECRET\" -H 'content-type: application/json' \
         -d '{{\"hwid\":\"desk-a\",\"amount\":5,\"action\":\"export\",\"operationId\":\"op-1\"}}'\n\
         curl -s $URL/usage -H \"x-project-secret: $SECRET\"\n\n\
         Ctrl-C stops it; the data stays.\n"
    )
}

/// Ends on Ctrl-C or SIGTERM, from the moment this is called and not only once it is waited for.
fn asked_to_stop() -> impl Future<Output = ()> + Send + 'static {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    let signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    #[cfg(unix)]
    let terminate = async {
        match signal {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    async {
        tokio::select! {
            _ = interrupt => {}
            () = terminate => {}
        }
    }
}

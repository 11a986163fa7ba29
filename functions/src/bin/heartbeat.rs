//! The Lambda function `heartbeat`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::host::Error> {
    shared::host::serve(shared::host::program::heartbeat()).await
}

//! The Lambda function `pro-heartbeat`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::host::Error> {
    shared::host::serve(shared::host::program::pro_heartbeat()).await
}

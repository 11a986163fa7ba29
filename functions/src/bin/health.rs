//! The Lambda function `health`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::host::Error> {
    shared::host::lambda::serve_health().await
}

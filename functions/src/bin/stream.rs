//! The Lambda function `stream`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::host::Error> {
    shared::host::lambda::serve_stream().await
}

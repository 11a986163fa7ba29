//! The Lambda function `courier`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::host::Error> {
    shared::host::serve_courier().await
}

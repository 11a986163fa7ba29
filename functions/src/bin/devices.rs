//! The Lambda function `devices`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::host::Error> {
    shared::host::serve("devices").await
}

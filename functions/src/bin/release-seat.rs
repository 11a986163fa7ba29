//! The Lambda function `release-seat`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::host::Error> {
    shared::host::serve("release-seat").await
}

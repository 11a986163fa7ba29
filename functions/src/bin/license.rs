//! The Lambda function `license`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::host::serve("license").await
}

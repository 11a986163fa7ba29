//! The Lambda function `release-seat`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::host::serve("release-seat").await
}

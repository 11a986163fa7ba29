//! The Lambda function `heartbeat`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::host::serve("heartbeat").await
}

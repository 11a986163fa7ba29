//! The Lambda function `organizations`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::host::serve("organizations").await
}

//! The Lambda function `pro-validate`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::host::serve("pro-validate").await
}

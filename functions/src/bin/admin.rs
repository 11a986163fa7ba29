//! The Lambda function `admin`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::host::serve("admin").await
}

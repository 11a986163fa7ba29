//! The Lambda function `payments`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::host::Error> {
    shared::host::serve(shared::host::program::payments()).await
}

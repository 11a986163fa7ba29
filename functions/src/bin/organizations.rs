//! The Lambda function `organizations`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::host::Error> {
    shared::host::lambda::serve(shared::host::program::organizations()).await
}

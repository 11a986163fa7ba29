//! The Lambda function `seats`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::host::Error> {
    shared::host::lambda::serve(shared::host::program::seats()).await
}

//! The Lambda function `seats`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::host::Error> {
    shared::host::serve(shared::host::program::seats()).await
}

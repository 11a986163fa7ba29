//! The Lambda function `transfer`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::host::Error> {
    shared::host::lambda::serve(shared::host::program::transfer()).await
}

//! The Lambda function `release-seat`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::host::Error> {
    shared::host::serve(shared::host::program::release_seat()).await
}

//! The Lambda function `pro-consume-batch`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::host::Error> {
    shared::host::serve(shared::host::program::pro_consume_batch()).await
}

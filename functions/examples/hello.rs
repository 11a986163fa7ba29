//! A bare `lambda_http` function: the baseline that `cargo xtask measure` compares a function's size and start-up with.

use lambda_http::{Body, Error, Request, Response, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(|_: Request| async { Ok::<_, Error>(Response::new(Body::Text("hello".to_owned()))) })).await
}

//! Holds nothing: the tests are in `it/`, one binary, because each further one links the AWS SDK again.

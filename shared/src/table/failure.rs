//! What a failed call of an AWS service is for the log.
//!
//! A service's own message repeats what it was sent: a validation repeats the items, a mail service the addresses. So the log gets
//! what the service says in words of its own (the status, the code, the request's id), and never the message.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use super::port::Source;

/// Maximum length of a code or request id.
const WORD_CHARS_MAX: usize = 64;

/// A failed call, without anything that was sent or answered.
pub fn failure<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Source {
    let text = match error {
        SdkError::ConstructionFailure(_) => "a request that cannot be built".to_owned(),
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "no connection in time".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_io() => "no connection".to_owned(),
        SdkError::DispatchFailure(_) => "a request that cannot be sent".to_owned(),
        SdkError::ResponseError(answer) => format!("status {}, with an unreadable answer", answer.raw().status()),
        SdkError::ServiceError(answer) => {
            let word = |text: Option<&str>| text.filter(|text| is_word(text)).unwrap_or("none").to_owned();
            let request = answer.err().meta().extra("aws_request_id");
            let (code, request) = (word(error.code()), word(request));
            format!("status {}, code {code}, request {request}", answer.raw().status())
        }
        _ => "a call that failed".to_owned(),
    };
    text.into()
}

/// Is it a code or an id, and not a sentence? Codes and request ids are letters, digits and dashes.
pub fn is_word(text: &str) -> bool {
    text.len() <= WORD_CHARS_MAX && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

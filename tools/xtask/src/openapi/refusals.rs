//! Which error codes an operation can answer with: those of every such route, and those that its row names.

use ltlm_protocol::Code;
use shared::api::function::Auth;
use shared::api::routes::Route;

use crate::openapi::parameters::is_backend;
use crate::openapi::request::is_sealed;

/// The codes that a route can refuse with.
pub(crate) fn refusals(route: &Route) -> Vec<Code> {
    let mut codes = vec![Code::BadRequest, Code::EdgeRequired, Code::Internal, Code::Busy];
    match route.auth {
        Auth::Administrator(_) => codes.extend([Code::Unauthorized, Code::Forbidden]),
        Auth::Member => codes.extend([Code::SessionRequired, Code::ProjectNotFound]),
        // Who is not known, or asks for what is not there, is counted.
        Auth::Project => codes.extend([Code::UnauthorizedProject, Code::RateLimited]),
        Auth::Open => {}
    }
    if route.body {
        codes.extend([Code::BodyTooLarge, Code::UnsupportedMediaType]);
    }
    if route.operation_id {
        codes.push(Code::IdempotencyKeyReused);
    }
    if route.path.contains("icense/{key}") || route.path.contains("{licenseKey}") {
        codes.push(Code::LicenseNotFound);
    }
    if is_backend(route) {
        codes.push(Code::ProjectNotFound);
    }
    let is_of_service =
        matches!(route.auth, Auth::Project | Auth::Member) || is_backend(route) || route.path.contains("{licenseKey}");
    if is_of_service {
        codes.push(Code::ProjectSuspended);
    }
    if is_sealed(route) {
        codes.extend([Code::BadEnvelope, Code::HwidMismatch, Code::NonceMismatch, Code::LicenseNotFound]);
    }
    if route.auth == Auth::Project {
        codes.extend([Code::DeviceKeyRequired, Code::DeviceSignatureRejected, Code::DeviceNotRegistered]);
    }
    codes.extend(route.refusals);
    codes
}

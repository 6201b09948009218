//! The rows of the errors of HTTP itself, beside those of refusals and failures in `wire/error/table.rs`
//! ([guide: Errors and limits on the wire](crate::guide::contract_errors)). A code without texts does not compile.

use crate::wire::error::Row;

use super::TransportError;

/// The row of a request that never reached the engine.
#[rustfmt::skip]
pub(super) const fn of_transport(error: TransportError) -> Row {
    match error {
        // Callers
        TransportError::AuthorizationHeaderFormatInvalid => Row::new(401, "Invalid Authorization header format", "The Authorization header must hold the secret key, as `Bearer <key>`."),
        TransportError::ClerkKeyInvalid => Row::new(401, "The provided secret key is invalid.", "The provided secret key is invalid. Make sure that it is the one of this instance."),
        TransportError::ProxyRequestInvalidSecretKey => Row::new(401, "Invalid secret key of the proxy", "The Clerk-Secret-Key header of the proxy is not the secret key of this instance."),
        TransportError::CallbackInvalid => Row::new(401, "not believed", "This report is not signed by the provider, or was signed too long ago."),
        TransportError::DevBrowserUnauthenticated => Row::new(401, "Browser unauthenticated", "Unable to authenticate this browser for your development instance."),
        // Transport
        TransportError::OriginInvalid => Row::new(400, "Invalid HTTP Origin header", "The Origin HTTP header is not one of the allowed origins of this instance."),
        TransportError::OriginMissing => Row::new(400, "Missing HTTP Origin header", "The Origin HTTP header is missing."),
        TransportError::OriginAuthorizationConflict => Row::new(400, "Origin and Authorization conflict", "For security purposes, only one of the Origin and Authorization headers should be provided, but not both."),
        TransportError::HostInvalid => Row::new(400, "Invalid host", "The Host HTTP header is missing, is there twice, is no host, or does not name this instance."),
        TransportError::MethodNotAllowed => Row::new(405, "Method not allowed", "This resource does not have that method."),
        TransportError::RequestTimeout => Row::new(408, "Request timeout", "The request took too long to arrive."),
        TransportError::RequestBodyTooLarge => Row::new(413, "Request too large", "The request is larger, or has more parameters, than allowed."),
        TransportError::UnsupportedContentType => Row::new(415, "Content-Type is unsupported", "The request's content type must be application/x-www-form-urlencoded, without a content encoding."),
        TransportError::BodyUnreadable => Row::new(400, "Body is invalid", "The request's body could not be read."),
    }
}

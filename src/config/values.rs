//! The types of configuration values, parsed at the edge.

mod choices;
mod network;
mod text;
mod web;

pub(super) use choices::captcha_provider;
pub use choices::{EmailTransport, Mode, RequestLog, SmsTransport, StoreKind};
pub use network::{Listen, Network};
pub use text::{Mailbox, PublishableKey, Text};
pub use web::{AllowedRedirect, Cdn, Origin, PublicUrl, WebUrl};

/// The value is invalid; the message continues a sentence that begins with the key.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(String);

fn invalid<T>(reason: impl Into<String>) -> Result<T, InvalidValue> {
    Err(InvalidValue(reason.into()))
}

macro_rules! from_text {
    ($($name:ident)*) => {$(
        impl TryFrom<String> for $name {
            type Error = InvalidValue;

            fn try_from(text: String) -> Result<Self, InvalidValue> {
                text.parse()
            }
        }
    )*};
}

from_text!(StoreKind Listen Network Origin AllowedRedirect Cdn PublicUrl WebUrl Text Mailbox PublishableKey);

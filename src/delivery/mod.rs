//! How messages leave: a public [`Transport`] for embedders to implement, SMTP, and a capture for development and
//! tests. This room knows no store and no actor; retries are the relay's.

mod capture;
mod null;
#[cfg(feature = "smtp")]
mod smtp;
mod status;
mod templates;
mod transport;

pub use capture::{Capture, Captured};
pub use null::NullTransport;
#[cfg(feature = "smtp")]
pub use smtp::{Security, Smtp, SmtpError, SmtpLimits, SmtpOptions};
pub use status::{ChannelHealth, ChannelStatus, Counted};
pub use templates::{Envelope, MessageTemplates};
pub use transport::{BoxFuture, Channel, Message, Outcome, Transport};

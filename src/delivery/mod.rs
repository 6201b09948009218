//! Message delivery: the public trait [`Transport`], which embedders can implement, SMTP, and a capture for development
//! and tests. This room knows no store and no actor; the relay retries.

mod capture;
#[cfg(any(feature = "server", test))]
mod mailbox_files;
mod null;
mod outcome;
#[cfg(test)]
mod samples;
#[cfg(any(feature = "server", feature = "smtp"))]
mod security;
#[cfg(feature = "smtp")]
mod smtp;
mod status;
mod templates;
mod transport;

pub use capture::{Capture, Captured};
pub use null::NullTransport;
pub use outcome::{Failure, FailureClass, Outcome, Receipt};
#[cfg(any(feature = "server", feature = "smtp"))]
pub use security::Security;
#[cfg(all(feature = "server", feature = "smtp"))]
pub use smtp::mail_source;
#[cfg(feature = "smtp")]
pub use smtp::{Dkim, DkimError, Smtp, SmtpError, SmtpLimits, SmtpOptions};
pub use status::{ChannelHealth, ChannelStatus, Counted};
pub use templates::{
    Color, Envelope, Logo, MessageStyle, MessageTemplates, StyleError, TemplateError, TemplateFault, Templates,
};
pub use transport::{BoxFuture, Channel, Message, Transport};

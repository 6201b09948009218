//! E-mail over SMTP (RFC 5321). The client is our own: each command has a timeout and each answer a maximum size.
//! `lettre` formats the messages. Begin reading at `transport`.

mod certificate;
mod compose;
mod dial;
mod dkim;
mod options;
mod pool;
mod reply;
mod session;
mod transport;
mod trouble;

#[cfg(feature = "server")]
pub use compose::mail_source;
#[cfg(feature = "cli")]
pub(super) use dial::walk;
pub use dkim::{Dkim, DkimError};
pub use options::{SmtpError, SmtpLimits, SmtpOptions};
pub use transport::Smtp;

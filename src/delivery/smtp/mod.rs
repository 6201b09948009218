//! E-mail over SMTP (RFC 5321). The conversation is our own, since every command of it has a deadline and every
//! answer a largest size: begin reading at `transport`. Messages are written by `lettre`.

mod compose;
mod dial;
mod options;
mod pool;
mod reply;
mod session;
mod transport;
mod trouble;

pub use options::{Security, SmtpError, SmtpLimits, SmtpOptions};
pub use transport::Smtp;

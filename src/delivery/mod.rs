//! Message delivery: the public trait [`Transport`], which embedders can implement, SMTP, and a capture for development
//! and tests. This room knows no store and no actor; the relay retries.

#[cfg(feature = "http-messages")]
mod apis;
mod breaker;
mod callback;
mod capture;
#[cfg(any(feature = "http-messages", feature = "smtp"))]
mod der;
mod fallback;
#[cfg(feature = "webhooks")]
mod handed_over;
#[cfg(any(feature = "server", test))]
mod mailbox_files;
#[cfg(feature = "smtp")]
#[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "only the command line shows steps"))]
mod milestone;
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

#[cfg(feature = "http-messages")]
pub use apis::{
    ApiAnswer, ApiError, ApiLimits, ApiTransport, MessageApi, Postmark, Resend, SendGrid, Ses, SmsTemplate, Twilio,
    Vonage,
};
pub use callback::{Callback, CallbackError, Report, ReportedState};
#[cfg(feature = "server")]
pub(crate) use capture::mailbox;
pub use capture::{Capture, Captured};
pub use fallback::{Fallback, NamedTransport, Route};
#[cfg(feature = "webhooks")]
pub use handed_over::{HandedOver, Hearers, Hearing};
#[cfg(feature = "cli")]
pub use milestone::Milestone;
pub use null::NullTransport;
pub use outcome::{Failure, FailureClass, Outcome, Receipt};
#[cfg(any(feature = "server", feature = "smtp"))]
pub use security::Security;
#[cfg(all(feature = "server", feature = "smtp"))]
pub use smtp::mail_source;
#[cfg(feature = "smtp")]
pub use smtp::{Dkim, DkimError, Smtp, SmtpError, SmtpLimits, SmtpOptions};
pub use status::{ChannelHealth, ChannelStatus, Counted, ProviderState, ProviderStatus};
pub use templates::{
    Color, Envelope, Logo, MessageStyle, MessageTemplates, StyleError, TemplateError, TemplateFault, Templates,
};
pub use transport::{BoxFuture, Channel, Message, Transport};

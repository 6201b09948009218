//! Providers that take messages by HTTP: one file for each, on one sender. A provider says how a request looks, what an
//! answer means, and whether a later report is its own.
//!
//! Begin reading at `api`.

mod answer;
mod api;
mod certificates;
mod mailbox;
mod postmark;
mod resend;
mod sendgrid;
mod ses;
mod signature;
mod sigv4;
mod sns;
mod template;
#[cfg(test)]
mod tests;
mod transport;
mod twilio;
mod vonage;

pub use answer::ApiAnswer;
pub use api::{ApiError, MessageApi};
pub use postmark::Postmark;
pub use resend::Resend;
pub use sendgrid::SendGrid;
pub use ses::Ses;
pub use template::SmsTemplate;
pub use transport::{ApiLimits, ApiTransport};
pub use twilio::Twilio;
pub use vonage::Vonage;

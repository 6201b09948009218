//! The transports of e-mail and text messages, from the configuration.

use std::sync::Arc;
#[cfg(feature = "smtp")]
use std::time::Duration;

use crate::config::{Config, EmailTransport, SmsTransport};
use crate::delivery::{Capture, NullTransport, Transport};
#[cfg(feature = "smtp")]
use crate::delivery::{Smtp, SmtpLimits, SmtpOptions};

use super::StartupError;

/// The transport of e-mail; `capture` is the one that keeps messages in memory.
///
/// # Errors
/// When the options of SMTP can't be used.
pub fn email_transport(config: &Config, capture: &Arc<Capture>) -> Result<Arc<dyn Transport>, StartupError> {
    match config.email.transport {
        EmailTransport::Capture => Ok(capture.clone()),
        EmailTransport::None => Ok(Arc::new(NullTransport)),
        EmailTransport::Smtp => smtp(config),
    }
}

#[cfg(feature = "smtp")]
fn smtp(config: &Config) -> Result<Arc<dyn Transport>, StartupError> {
    let email = &config.email;
    let options = SmtpOptions {
        host: email.host.clone().unwrap_or_default(),
        port: config.email_port(),
        security: email.security,
        username: email.username.clone(),
        password: email.password.clone(),
        from: email.from.clone().unwrap_or_default(),
        hello_name: email.hello_name.clone(),
        dkim: super::messages::dkim(config)?,
        connections_max: email.connections_max,
        limits: SmtpLimits {
            command: Duration::from_secs(email.command_timeout_s),
            delivery: Duration::from_secs(email.timeout_s),
        },
    };
    Ok(Arc::new(Smtp::new(&options).map_err(StartupError::new)?))
}

#[cfg(not(feature = "smtp"))]
fn smtp(_: &Config) -> Result<Arc<dyn Transport>, StartupError> {
    Err(StartupError::new("`email.transport` is \"smtp\", but this program was built without the feature `smtp`"))
}

/// The transport of text messages. The capture is for development only: a production instance must not keep codes in
/// memory.
pub(super) fn sms_transport(config: &Config, capture: &Arc<Capture>) -> Arc<dyn Transport> {
    match config.sms.transport {
        SmsTransport::Capture if config.is_development() => capture.clone(),
        SmsTransport::Capture | SmsTransport::None => Arc::new(NullTransport),
    }
}

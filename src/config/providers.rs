//! Which providers are configured, and the description of each that takes messages by HTTP.

use crate::delivery::Channel;

use super::load::Config;
use super::sections::DeliveredBy;
use super::values::{EmailTransport, SmsTransport};

#[cfg(feature = "http-messages")]
pub use apis::of as message_api;

impl Config {
    /// How e-mail is sent: the transport, then those to fall back to.
    pub fn email_transports(&self) -> Vec<EmailTransport> {
        let email = &self.email;
        [email.transport].into_iter().chain(email.fallback.iter().copied()).collect()
    }

    /// How text messages are sent: the transport, then those to fall back to.
    pub fn sms_transports(&self) -> Vec<SmsTransport> {
        let sms = &self.sms;
        [sms.transport].into_iter().chain(sms.fallback.iter().copied()).collect()
    }

    /// All transports of text messages that are named anywhere, each once.
    pub fn sms_transports_of_all_routes(&self) -> Vec<SmsTransport> {
        let mut all = self.sms_transports();
        for transport in self.sms.routes.iter().flat_map(|route| &route.transports) {
            if !all.contains(transport) {
                all.push(*transport);
            }
        }
        all
    }

    /// Whether the receiver of webhooks sends the messages of a channel.
    pub fn is_handed_over(&self, channel: Channel) -> bool {
        let delivered_by = match channel {
            Channel::Email => self.email.delivered_by,
            Channel::Sms => self.sms.delivered_by,
        };
        delivered_by == DeliveredBy::Webhook
    }

    /// Whether a provider sends by WhatsApp.
    pub fn sends_by_whatsapp(&self) -> bool {
        self.sms.twilio.whatsapp_from.is_some() && self.sms_transports_of_all_routes().contains(&SmsTransport::Twilio)
    }
}

#[cfg(feature = "http-messages")]
mod apis {
    use url::Url;

    use crate::config::load::Config;
    use crate::config::values::WebUrl;
    use crate::delivery::{ApiError, MessageApi, Postmark, Resend, SendGrid, Ses, SmsTemplate, Twilio, Vonage};
    use crate::domain::secret::Secret;

    /// The API of that name; `None` for names of other transports.
    ///
    /// # Errors
    /// When one of its keys can't be used.
    pub fn of(name: &str, config: &Config) -> Option<Result<Box<dyn MessageApi>, ApiError>> {
        let (email, sms) = (&config.email, &config.sms);
        let from = email.from.clone().unwrap_or_default();
        Some(match name {
            "resend" => checked(Resend {
                api_key: given(email.resend.api_key.as_ref()),
                from,
                base_url: url(&email.resend.base_url),
                webhook_secret: email.resend.webhook_secret.clone(),
            }),
            "postmark" => checked(Postmark {
                server_token: given(email.postmark.server_token.as_ref()),
                from,
                base_url: url(&email.postmark.base_url),
                message_stream: email.postmark.message_stream.clone(),
                webhook_login: email.postmark.webhook_login.clone(),
            }),
            "sendgrid" => checked(SendGrid {
                api_key: given(email.sendgrid.api_key.as_ref()),
                from,
                base_url: url(&email.sendgrid.base_url),
                webhook_key: email.sendgrid.webhook_key.clone(),
            }),
            "ses" => ses(config, from),
            "twilio" => twilio(config),
            "vonage" => checked(Vonage {
                api_key: sms.vonage.api_key.clone().unwrap_or_default(),
                api_secret: given(sms.vonage.api_secret.as_ref()),
                from: sms.vonage.from.clone().unwrap_or_default(),
                signature_secret: sms.vonage.signature_secret.clone(),
                base_url: url(&sms.vonage.base_url),
                callback: sms.vonage.signature_secret.as_ref().and_then(|_| callback(config, "vonage")),
            }),
            "http" => checked(SmsTemplate {
                url: sms.http.url.clone().unwrap_or_default(),
                method: sms.http.method.clone(),
                headers: sms.http.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
                body: sms.http.body.clone(),
                secret: sms.http.secret.clone(),
                success_statuses: sms.http.success_statuses.clone(),
                id_pointer: sms.http.id_pointer.clone(),
            }),
            _ => return None,
        })
    }

    fn ses(config: &Config, from: String) -> Result<Box<dyn MessageApi>, ApiError> {
        let section = &config.email.ses;
        let region = section.region.clone().unwrap_or_default();
        let base_url = match &section.base_url {
            Some(given) => url(given),
            None => {
                let reason = "must be a region, such as \"eu-central-1\"".to_owned();
                let of_region = format!("https://email.{region}.amazonaws.com").parse();
                of_region.map_err(|_| ApiError { key: "email.ses.region", reason })?
            }
        };
        checked(Ses {
            region,
            access_key_id: section.access_key_id.clone().unwrap_or_default(),
            secret_access_key: given(section.secret_access_key.as_ref()),
            session_token: section.session_token.clone(),
            from,
            base_url,
            configuration_set: section.configuration_set.clone(),
            webhook_login: section.webhook_login.clone(),
            webhook_topic: section.webhook_topic.clone(),
        })
    }

    fn twilio(config: &Config) -> Result<Box<dyn MessageApi>, ApiError> {
        let section = &config.sms.twilio;
        let api_key = match (&section.api_key_sid, &section.api_key_secret) {
            (None, None) => None,
            (sid, secret) => Some((sid.clone().unwrap_or_default(), given(secret.as_ref()))),
        };
        checked(Twilio {
            account_sid: section.account_sid.clone().unwrap_or_default(),
            auth_token: given(section.auth_token.as_ref()),
            api_key,
            from: section.from.clone(),
            messaging_service_sid: section.messaging_service_sid.clone(),
            whatsapp_from: section.whatsapp_from.clone(),
            whatsapp_content_sid: section.whatsapp_content_sid.clone(),
            base_url: url(&section.base_url),
            status_callback: callback(config, "twilio"),
        })
    }

    fn checked(api: impl MessageApi) -> Result<Box<dyn MessageApi>, ApiError> {
        api.check()?;
        Ok(Box::new(api))
    }

    fn given(secret: Option<&Secret<String>>) -> Secret<String> {
        secret.cloned().unwrap_or_else(|| Secret::new(String::new()))
    }

    fn url(given: &WebUrl) -> Url {
        given.url().clone()
    }

    /// Where a provider reports to this instance, if it can be reached by https.
    fn callback(config: &Config, provider: &str) -> Option<Url> {
        let public = config.server.public_url.as_ref().filter(|url| url.is_https())?;
        format!("{public}/v1/messages/callbacks/{provider}").parse().ok()
    }
}

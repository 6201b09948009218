//! What describes an endpoint.

use crate::domain::guessable::guessable;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::secret::Secret;
use crate::webhook::{EndpointUrl, EventFilter, SigningSecret, Targets};

/// A new endpoint of webhooks.
///
/// ```
/// use vestibule::webhooks::NewWebhookEndpoint;
///
/// let endpoint = NewWebhookEndpoint::new("https://app.example.com/webhooks", ["user.*", "session.created"]);
/// # drop(endpoint);
/// ```
#[derive(Clone, Debug, Default)]
pub struct NewWebhookEndpoint {
    /// Where webhooks are posted: https and a public address; for development also this machine, by http too.
    pub url: String,
    /// The events that it wants: names such as `user.created`, and groups such as `user.*`.
    pub events: Vec<String>,
    /// A text for people, at most 500 characters.
    pub description: String,
    /// What webhooks are signed with: `whsec_` and base64 of 24 to 64 random bytes; in production not one that is easy to
    /// guess or printed in documentation. A new one is made if absent.
    pub secret: Option<Secret<String>>,
}

/// What is to change of an endpoint of webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookEndpointPatch {
    /// See [`NewWebhookEndpoint::url`].
    pub url: Option<String>,
    /// See [`NewWebhookEndpoint::events`].
    pub events: Option<Vec<String>>,
    /// See [`NewWebhookEndpoint::description`].
    pub description: Option<String>,
}

/// The valid parts of an endpoint.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Valid {
    pub(in crate::engine) url: Option<String>,
    pub(in crate::engine) events: Option<Vec<String>>,
    pub(in crate::engine) description: Option<String>,
}

impl NewWebhookEndpoint {
    /// An endpoint with a new secret and without a description.
    pub fn new<E: Into<String>>(url: impl Into<String>, events: impl IntoIterator<Item = E>) -> Self {
        Self { url: url.into(), events: events.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// # Errors
    /// Every fault.
    pub(in crate::engine) fn parse(&self, targets: Targets) -> Result<(Valid, Option<SigningSecret>), Rejection> {
        let mut reasons = Vec::new();
        let patch = WebhookEndpointPatch {
            url: Some(self.url.clone()),
            events: Some(self.events.clone()),
            description: Some(self.description.clone()),
        };
        let valid = patch.read(targets, &mut reasons);
        // As in the configuration: in production nobody may be able to guess it.
        let is_weak = |text: &str| {
            targets == Targets::Public && guessable(text.trim_start_matches("whsec_").as_bytes()).is_some()
        };
        let secret = match self.secret.as_ref().map(|secret| secret.expose()) {
            None => None,
            Some(text) => text.parse().ok().filter(|_| !is_weak(text)),
        };
        if self.secret.is_some() && secret.is_none() {
            reasons.push(ErrorCode::FormParamFormatInvalid.on("secret"));
        }
        Rejection::collect(reasons).map(|()| (valid, secret))
    }
}

impl WebhookEndpointPatch {
    /// # Errors
    /// Every fault.
    pub(in crate::engine) fn parse(&self, targets: Targets) -> Result<Valid, Rejection> {
        let mut reasons = Vec::new();
        let valid = self.read(targets, &mut reasons);
        Rejection::collect(reasons).map(|()| valid)
    }

    fn read(&self, targets: Targets, reasons: &mut Vec<Reason>) -> Valid {
        let mut valid = Valid::default();
        match self.url.as_deref() {
            None => {}
            Some("") => reasons.push(ErrorCode::FormParamMissing.on("url")),
            Some(url) => match EndpointUrl::parse(url, targets) {
                Ok(url) => valid.url = Some(url.as_str().to_owned()),
                Err(_) => reasons.push(ErrorCode::FormParamFormatInvalid.on("url")),
            },
        }
        match self.events.as_deref() {
            None => {}
            Some([]) => reasons.push(ErrorCode::FormParamMissing.on("events")),
            Some(list) => match EventFilter::parse(list.iter().map(String::as_str)) {
                Ok(filter) => valid.events = Some(filter.names()),
                Err(_) => reasons.push(ErrorCode::FormParamValueInvalid.on("events")),
            },
        }
        match &self.description {
            Some(text) if text.chars().count() > DESCRIPTION_MAX as usize => {
                reasons.push(ErrorCode::FormParamMaxLengthExceeded.on("description").with(DESCRIPTION_MAX));
            }
            description => valid.description.clone_from(description),
        }
        valid
    }
}

/// In characters.
const DESCRIPTION_MAX: u32 = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_an_endpoint_is_told_and_none_repeats_the_secret() {
        let given = NewWebhookEndpoint {
            url: "http://app.example.com/".into(),
            events: vec!["user.craeted".into()],
            description: "x".repeat(501),
            secret: Some(Secret::new("whsec_short".into())),
        };
        let rejection = given.parse(Targets::AlsoLocal).expect_err("four faults");
        let faults: Vec<_> = rejection.reasons().iter().map(|r| (r.code.as_str(), r.param.as_deref())).collect();
        assert_eq!(
            faults,
            [
                ("form_param_format_invalid", Some("url")),
                ("form_param_value_invalid", Some("events")),
                ("form_param_max_length_exceeded", Some("description")),
                ("form_param_format_invalid", Some("secret")),
            ]
        );
        assert!(!format!("{given:?} {rejection}").contains("short"));
        let empty = NewWebhookEndpoint::default().parse(Targets::Public).expect_err("two faults");
        let missing: Vec<_> = empty.reasons().iter().map(|r| (r.code.as_str(), r.param.as_deref())).collect();
        assert_eq!(missing, [("form_param_missing", Some("url")), ("form_param_missing", Some("events"))]);
    }

    #[test]
    fn a_secret_that_others_know_is_refused_in_production() {
        for (secret, is_known) in [
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", true),
            ("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", true),
            ("whsec_nY2pVt0Zr7QkX4sLwB9dGe1fHuJm6cTa", false),
        ] {
            let given = NewWebhookEndpoint {
                secret: Some(Secret::new(secret.into())),
                ..NewWebhookEndpoint::new("https://app.example.com/", ["user.*"])
            };
            assert_eq!(given.parse(Targets::Public).is_err(), is_known, "{secret}");
            assert!(given.parse(Targets::AlsoLocal).is_ok(), "{secret}");
        }
    }

    #[test]
    fn codes_have_to_be_named_and_private_addresses_are_refused() {
        let faults = |given: &NewWebhookEndpoint, targets| given.parse(targets).err().map(|r| r.reasons().len());
        let named = NewWebhookEndpoint::new("https://app.example.com/", ["email.created"]);
        let group = NewWebhookEndpoint::new("https://app.example.com/", ["email.*"]);
        assert_eq!((faults(&named, Targets::Public), faults(&group, Targets::Public)), (None, Some(1)));
        let private = NewWebhookEndpoint::new("https://10.0.0.1/", ["user.*"]);
        assert_eq!((faults(&private, Targets::Public), faults(&private, Targets::AlsoLocal)), (Some(1), None));
    }
}

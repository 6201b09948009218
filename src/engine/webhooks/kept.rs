//! From an endpoint as it is kept to one that webhooks can be sent to.

use crate::domain::id::WebhookEndpointId;
use crate::domain::ports::Sealer;
use crate::domain::time::Timestamp;
use crate::domain::webhook::WebhookEndpoint;
use crate::webhook::{Endpoint, EndpointUrl, EventFilter, SigningSecret, SigningSecrets, Targets, UrlError};

/// A secret, sealed for its endpoint.
pub(in crate::engine) fn seal(sealer: &dyn Sealer, id: WebhookEndpointId, secret: &SigningSecret) -> Vec<u8> {
    sealer.seal(&context(id), secret.to_text().expose().as_bytes())
}

/// The secrets with which messages to an endpoint are signed at `now`. `None` where they were sealed under another key.
pub(in crate::engine) fn open_secrets(
    sealer: &dyn Sealer,
    kept: &WebhookEndpoint,
    now: Timestamp,
) -> Option<SigningSecrets> {
    let open = |sealed: &[u8]| -> Option<SigningSecret> {
        std::str::from_utf8(&sealer.open(&context(kept.id), sealed)?).ok()?.parse().ok()
    };
    let current = open(&kept.secret)?;
    let previous = kept.previous_secret.as_ref().filter(|(_, until)| now < *until);
    match previous {
        Some((sealed, _)) => Some(SigningSecrets::new(open(sealed)?).rotated_to(current)),
        None => Some(SigningSecrets::new(current)),
    }
}

/// Why nothing can be sent to an endpoint, whether or not it is switched on. It is no part of what is kept: another
/// configuration may make the endpoint usable again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// This instance does not send to its URL. For example the endpoint was made in development for this machine, and
    /// the instance is in production now.
    #[error("its URL can't be used: {0}")]
    Url(UrlError),
    /// It lists an event that this version does not know.
    #[error("it lists an event that this version does not know")]
    Events,
    /// Its signing secret was encrypted under another instance key.
    #[error("its signing secret was sealed under another instance key")]
    Secret,
}

/// The endpoint at `now`.
///
/// # Errors
/// Why it can't be used.
pub(in crate::engine) fn usable(
    sealer: &dyn Sealer,
    kept: &WebhookEndpoint,
    targets: Targets,
    now: Timestamp,
) -> Result<Endpoint, Unusable> {
    let url = EndpointUrl::parse(&kept.url, targets).map_err(Unusable::Url)?;
    let events = EventFilter::parse(kept.events.iter().map(String::as_str)).map_err(|_| Unusable::Events)?;
    let secrets = open_secrets(sealer, kept, now).ok_or(Unusable::Secret)?;
    Ok(Endpoint { url, events, secrets, state: kept.state })
}

fn context(id: WebhookEndpointId) -> Vec<u8> {
    [b"webhook secret ".as_slice(), id.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::webhook::{EndpointOwner, Progress, State};
    use crate::entropy::SeededEntropy;
    use crate::token::InstanceKey;

    #[test]
    fn a_secret_opens_for_its_own_endpoint_under_its_own_key() {
        let key = InstanceKey::generate();
        let mut entropy = SeededEntropy::new(1);
        let [current, previous] = [(); 2].map(|()| SigningSecret::generate(&mut entropy));
        let id = WebhookEndpointId::from_bytes([1; 16]);
        let until = Timestamp::from_millis(100);
        let kept = WebhookEndpoint {
            id,
            version: 1,
            owner: EndpointOwner::Api,
            url: "https://app.example.com/".into(),
            events: vec!["user.*".into()],
            description: String::new(),
            secret: seal(&key, id, &current),
            previous_secret: Some((seal(&key, id, &previous), until)),
            state: State::Enabled,
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
            progress: Progress::default(),
        };
        let texts = |kept: &WebhookEndpoint, now| -> Option<Vec<String>> {
            let secrets = open_secrets(&key, kept, Timestamp::from_millis(now))?;
            Some(secrets.iter().map(|secret| secret.to_text().expose().clone()).collect())
        };
        let [current, previous] = [current, previous].map(|secret| secret.to_text().expose().clone());
        assert_eq!(texts(&kept, 99), Some(vec![current.clone(), previous]), "both while it is replaced");
        assert_eq!(texts(&kept, 100), Some(vec![current]));
        assert_eq!(texts(&WebhookEndpoint { id: WebhookEndpointId::from_bytes([2; 16]), ..kept.clone() }, 99), None);
        assert!(open_secrets(&InstanceKey::generate(), &kept, until).is_none());
    }
}

//! The endpoints that the configuration names. They are kept like others, so that they continue after a restart.

use aws_lc_rs::digest::{SHA256, digest};

use crate::actors::{ActorContext, Persister};
use crate::domain::id::WebhookEndpointId;
use crate::domain::rejection::Rejection;
use crate::domain::webhook::{EndpointOwner, Progress, State, WebhookEndpoint};
use crate::store::{Commit, CommitError, Decision, WebhookChange};
use crate::webhook::{SigningSecret, Targets};

use super::input::NewWebhookEndpoint;
use super::kept::{open_secrets, seal};
use crate::engine::error::BuildError;

/// Makes the endpoints that are kept for the configuration those that it names now, and returns the ids of all endpoints.
///
/// # Errors
/// When one is not valid, or the store fails.
pub(in crate::engine) async fn configure(
    context: &ActorContext,
    persister: &Persister,
    configured: &[NewWebhookEndpoint],
    targets: Targets,
) -> Result<Vec<WebhookEndpointId>, BuildError> {
    let mut refused = CommitError::Stale;
    for _ in 0..TRIES_MAX {
        let (changes, ids) = changes(context, configured, targets).await?;
        if changes.is_empty() {
            return Ok(ids);
        }
        let commit = Commit::of_decision(context.now(), Decision { webhooks: changes, ..Decision::default() });
        match persister.commit(commit).await {
            Ok(_) => return Ok(ids),
            // Another node that starts with the same configuration was first, or has just switched one off.
            Err(error @ (CommitError::Stale | CommitError::Rejected(_))) => refused = error,
            Err(error) => return Err(BuildError::Webhooks(error.to_string())),
        }
    }
    Err(BuildError::Webhooks(refused.to_string()))
}

/// The changes that make the endpoints those that are named, and the ids of all endpoints after them.
async fn changes(
    context: &ActorContext,
    configured: &[NewWebhookEndpoint],
    targets: Targets,
) -> Result<(Vec<WebhookChange>, Vec<WebhookEndpointId>), BuildError> {
    let mut kept = all(context).await?;
    let last_event = context.store.last_event().await?;
    let mut changes = Vec::new();
    let mut named = Vec::new();
    for given in configured {
        let invalid = |rejection: Rejection| BuildError::Webhooks(rejection.to_string());
        let (valid, secret) = given.parse(targets).map_err(invalid)?;
        let (url, events) = (valid.url.unwrap_or_default(), valid.events.unwrap_or_default());
        let id = id_of(&url);
        if named.contains(&id) {
            return Err(BuildError::Webhooks("two endpoints have the same URL".into()));
        }
        named.push(id);
        let description = valid.description.unwrap_or_default();
        match kept.iter().find(|endpoint| endpoint.id == id) {
            Some(known) => {
                let sealed = secret.filter(|secret| !is_secret_of(context, known, secret));
                let sealed = sealed.map(|secret| seal(&*context.sealer, id, &secret));
                if sealed.is_none() && known.events == events && known.description == description {
                    continue;
                }
                let next = WebhookEndpoint {
                    version: known.version + 1,
                    events,
                    description,
                    previous_secret: if sealed.is_some() { None } else { known.previous_secret.clone() },
                    secret: sealed.unwrap_or_else(|| known.secret.clone()),
                    updated_at: context.now(),
                    ..known.clone()
                };
                changes.push(WebhookChange::Change { next: Box::new(next), expected_version: known.version });
            }
            None => {
                let secret = secret.unwrap_or_else(|| context.decide(|cx| SigningSecret::generate(cx.entropy)));
                let now = context.now();
                changes.push(WebhookChange::Create(Box::new(WebhookEndpoint {
                    id,
                    version: 1,
                    owner: EndpointOwner::Configuration,
                    url,
                    events,
                    description,
                    secret: seal(&*context.sealer, id, &secret),
                    previous_secret: None,
                    state: State::Enabled,
                    created_at: now,
                    updated_at: now,
                    progress: Progress { cursor: last_event, ..Progress::default() },
                })));
            }
        }
    }
    kept.retain(|endpoint| {
        let stays = endpoint.owner == EndpointOwner::Api || named.contains(&endpoint.id);
        if !stays {
            tracing::info!(webhook_endpoint.id = %endpoint.id, "an endpoint is gone from the configuration and is removed");
            changes.push(WebhookChange::Delete(endpoint.id));
        }
        stays && !named.contains(&endpoint.id)
    });
    Ok((changes, kept.into_iter().map(|endpoint| endpoint.id).chain(named).collect()))
}

/// All endpoints, in the order of their ids.
async fn all(context: &ActorContext) -> Result<Vec<WebhookEndpoint>, BuildError> {
    let mut found: Vec<WebhookEndpoint> = Vec::new();
    loop {
        let after = found.last().map(|endpoint| endpoint.id);
        let some = context.store.webhook_endpoints(after, PORTION).await?;
        let is_last = some.len() < PORTION;
        found.extend(some);
        if is_last {
            return Ok(found);
        }
    }
}

fn is_secret_of(context: &ActorContext, known: &WebhookEndpoint, secret: &SigningSecret) -> bool {
    let kept = open_secrets(&*context.sealer, known, context.now());
    kept.is_some_and(|kept| kept.iter().next().is_some_and(|kept| kept.to_text().expose() == secret.to_text().expose()))
}

/// The id of the endpoint of a URL: the configuration names no other.
fn id_of(url: &str) -> WebhookEndpointId {
    let digest = digest(&SHA256, &[b"webhook endpoint ".as_slice(), url.as_bytes()].concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_ref()[..16]);
    WebhookEndpointId::from_bytes(bytes)
}

/// How often the changes are made again because of other nodes.
const TRIES_MAX: u32 = 5;
/// How many endpoints one read returns.
const PORTION: usize = 100;

use crate::domain::id::{EventId, WebhookEndpointId};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::engine::{
    Engine, EngineError, NewWebhookEndpoint, Page, WebhookAttempt, WebhookEndpointPatch, WebhookEndpointView,
};

handle! {
    /// The calls about webhooks: their endpoints, and what is sent to them
    /// ([guide: Webhooks](crate::guide::contract_backend#webhooks)).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vestibule::Engine;
    /// use vestibule::webhooks::NewWebhookEndpoint;
    ///
    /// let engine = Engine::builder().build().await?;
    /// let input = NewWebhookEndpoint::new("https://app.example.com/webhooks", ["user.*"]);
    /// let endpoint = engine.webhooks().create(&input).await?;
    /// let secret = endpoint.secret.ok_or("a new endpoint has a new secret")?;
    /// assert!(secret.expose().starts_with("whsec_")); // for the receiver, which verifies with it
    ///
    /// let replaced = engine.webhooks().rotate_secret(endpoint.id).await?;
    /// assert!(replaced.previous_secret_until.is_some(), "for a day both sign");
    /// engine.webhooks().delete(endpoint.id).await?;
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    Webhooks by webhooks;

    /// Adds an endpoint. It is told of what happens from now on. The view has its secret.
    ///
    /// # Errors
    /// Every fault of the input at once; `feature_not_enabled` where [`Policy::record_events`](crate::limits::Policy) is off,
    /// so that there would be nothing to tell; `webhook_endpoint_quota_exceeded` where there are 100 already.
    create(input: &NewWebhookEndpoint) -> WebhookEndpointView: create_webhook_endpoint;
    /// An endpoint.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    get(id: WebhookEndpointId) -> WebhookEndpointView: webhook_endpoint;
    /// All endpoints, the oldest first.
    ///
    /// # Errors
    /// When the store can't be read.
    list() -> Page<WebhookEndpointView>: list_webhook_endpoints;
    /// Changes an endpoint. Attempts in flight are made again, with the same ids.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], every fault of the patch at once; `webhook_endpoint_configured` for an endpoint of the
    /// configuration.
    update(id: WebhookEndpointId, patch: &WebhookEndpointPatch) -> WebhookEndpointView: update_webhook_endpoint;
    /// Deletes an endpoint, with the messages that wait for it.
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; `webhook_endpoint_configured` for an endpoint of the configuration.
    delete(id: WebhookEndpointId) -> (): delete_webhook_endpoint;
    /// Switches an endpoint on. It is told of what happened meanwhile, as far as the events are still kept.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    enable(id: WebhookEndpointId) -> WebhookEndpointView: enable_webhook_endpoint;
    /// Switches an endpoint off. Its place in the log of events and its waiting messages are kept.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    disable(id: WebhookEndpointId) -> WebhookEndpointView: disable_webhook_endpoint;
    /// Replaces the secret of an endpoint. For 24 hours webhooks are signed with both; another replacement within that time
    /// ends the first secret at once. The view has the new secret.
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; `webhook_endpoint_configured` for an endpoint of the configuration.
    rotate_secret(id: WebhookEndpointId) -> WebhookEndpointView: rotate_webhook_secret;
    /// The secret with which webhooks to an endpoint are signed: `whsec_` and base64.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    secret(id: WebhookEndpointId) -> Secret<String>: webhook_secret;
    /// The last attempts at an endpoint, at most 100, the latest first. They are in memory: those before the start of the
    /// engine are not there.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    attempts(id: WebhookEndpointId) -> Page<WebhookAttempt>: webhook_attempts;
    /// Sends an endpoint everything again that has happened since a time, as far as the events are still kept, with the
    /// ids from before. A receiver that remembers ids drops what it has.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    replay(id: WebhookEndpointId, since: Timestamp) -> WebhookEndpointView: replay_webhooks;
    /// Sends an endpoint one event again.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown endpoint or event, and for an event that is not kept any more;
    /// `form_param_value_invalid` for one that the endpoint does not want.
    replay_event(id: WebhookEndpointId, event: EventId) -> (): replay_webhook_event;
    /// Sends an endpoint a webhook of the type `webhook.test` now, once, and tells what came of it.
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; `form_param_format_invalid` for a URL that this instance does not send to.
    test(id: WebhookEndpointId) -> WebhookAttempt: test_webhook_endpoint;
}

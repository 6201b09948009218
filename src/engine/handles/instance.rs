use crate::domain::id::{ListedIdentifierId, RedirectUrlId};
use crate::domain::listed::{List, ListedRedirect};
use crate::domain::settings::overrides::Overrides;
use crate::engine::{Engine, EngineError, ListParams, ListedIdentifierView, OverridesView, Page};

handle! {
    /// The calls that change the instance itself, beside its configuration: they are stored, and in force at once and
    /// after a restart.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vestibule::backend::{List, Overrides};
    /// use vestibule::{Caller, Engine, NewSignUp, RequestContext};
    ///
    /// let settings = vestibule::settings::sample_settings("email_code")?;
    /// let engine = Engine::builder().settings(settings).build().await?;
    /// engine.instance().list_identifier(List::Block, "*@example.com", false).await?;
    /// let changed = engine.instance().change(&Overrides { blocklist: Some(true), ..Overrides::default() }, None).await?;
    /// assert!(changed.version == 1 && engine.settings().restrictions.blocklist.enabled);
    ///
    /// let input = NewSignUp::new().email_address("ada@example.com");
    /// let refused = engine.sign_ups().create(&Caller::anonymous(), &input, &RequestContext::default()).await;
    /// assert!(refused.is_err_and(|error| error.code() == "not_allowed_access"));
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    Instance by instance;

    /// The settings that can be changed here: as they are configured, and what overrides them.
    ///
    /// # Errors
    /// When the engine can't answer.
    overrides() -> OverridesView: overrides;
    /// Overrides settings. What is `None` stays as it was. With `version`, only if that is still the version of the
    /// overrides: so of two administrators who change them at the same time the later one is told.
    ///
    /// # Errors
    /// `resource_conflict` where the overrides have another version; `form_param_value_invalid` for `hibp` where the
    /// engine was built without the service for it, and for `test_mode` unless
    /// [`Policy::test_mode_settable`](crate::limits::Policy); `form_param_format_invalid` for a support that is no address;
    /// `form_invalid_origin`.
    change(change: &Overrides, version: Option<u64>) -> OverridesView: change_overrides;
    /// Drops all overrides: the configured settings are in force again. Lists and redirect URLs stay.
    ///
    /// # Errors
    /// `resource_conflict` as [`Self::change`].
    drop_overrides(version: Option<u64>) -> OverridesView: drop_overrides;
    /// Adds an address, a domain such as `*@example.com`, a phone number, or a prefix of phone numbers such as `+1900*` to a
    /// list. It counts while the list is on. With `notify`, the owner of an address on the allow-list is invited.
    ///
    /// # Errors
    /// `form_param_missing`, `form_param_format_invalid`; `duplicate_record` where the list has it;
    /// `form_param_value_invalid` for `notify` with anything but an address on the allow-list, and for an entry beyond
    /// the 100 000th; with `notify` also as [`Invitations::create`](crate::engine::Invitations::create).
    list_identifier(list: List, identifier: &str, notify: bool) -> ListedIdentifierView: list_identifier;
    /// Removes an entry from a list. An invitation that was made with it stays.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], also for an entry of the other list.
    unlist_identifier(list: List, id: ListedIdentifierId) -> (): unlist_identifier;
    /// The entries of a list that were added here, without the configured ones. It reads all of them, so it is meant for
    /// administrators, not for every request.
    ///
    /// # Errors
    /// `form_param_value_invalid` for an unknown order.
    listed_identifiers(list: List, listing: &ListParams) -> Page<ListedIdentifierView>: listed_identifiers;
    /// Allows browsers and applications to be sent to a URL: http and https URLs with everything below them, other URLs
    /// exactly, such as `myapp://callback`.
    ///
    /// # Errors
    /// `form_param_missing`, `form_param_format_invalid`; `duplicate_record` where it is listed;
    /// `form_param_value_invalid` for one beyond the 1000th.
    list_redirect_url(url: &str) -> ListedRedirect: list_redirect_url;
    /// Removes a redirect URL.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    unlist_redirect_url(id: RedirectUrlId) -> (): unlist_redirect_url;
    /// A redirect URL that was listed here.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    redirect_url(id: RedirectUrlId) -> ListedRedirect: listed_redirect_url;
    /// The redirect URLs that were listed here, without the configured ones.
    ///
    /// # Errors
    /// `form_param_value_invalid` for an unknown order.
    redirect_urls(listing: &ListParams) -> Page<ListedRedirect>: listed_redirect_urls;
}

use crate::domain::id::WaitlistEntryId;
use crate::domain::waitlist::WaitlistEntry;
use crate::engine::{Engine, EngineError, ListParams, Page, RequestContext, WaitlistEntryView};

handle! {
    /// The calls about the waitlist.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vestibule::Engine;
    /// use vestibule::backend::WaitlistStatus;
    ///
    /// let settings = vestibule::settings::sample_settings("email_code")?;
    /// let engine = Engine::builder().settings(settings).build().await?;
    /// let entry = engine.waitlist().enter(Some("ada@example.com")).await?;
    /// let invited = engine.waitlist().invite(entry.value.id, None).await?;
    /// assert_eq!(invited.value.status, WaitlistStatus::Invited);
    /// assert!(invited.invitation.is_some());
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    Waitlist by waitlist;

    /// Adds a person to the waitlist. An existing entry stays as it is, and the answer is the same as for a new one:
    /// callers can't find out who is on the list.
    ///
    /// # Errors
    /// `feature_not_enabled` unless the instance has a waitlist; `form_identifier_exists` where a user has the address
    /// and the instance may say so; `not_allowed_access` where the restrictions refuse the address.
    join(email_address: Option<&str>, context: &RequestContext) -> WaitlistEntry: join_waitlist;
    /// The same for the operator: in every sign-up mode and for every address.
    ///
    /// # Errors
    /// What is wrong with the address.
    enter(email_address: Option<&str>) -> WaitlistEntryView: enter_waitlist;
    /// Makes and sends an invitation for an entry.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], `waitlist_entry_already_invited` while an earlier invitation is valid,
    /// `waitlist_entry_already_completed` for a person who has signed up, and as [`Invitations::create`](super::Invitations::create).
    invite(id: WaitlistEntryId, ignore_existing: Option<bool>) -> WaitlistEntryView: invite_from_waitlist;
    /// Rejects an entry and revokes its invitation, if there is one.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], `waitlist_entry_already_rejected`, `waitlist_entry_already_completed` for a person
    /// who has signed up.
    reject(id: WaitlistEntryId) -> WaitlistEntryView: reject_from_waitlist;
    /// Deletes an entry that is still waiting.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], `resource_forbidden` for an entry that is not waiting.
    delete(id: WaitlistEntryId) -> (): delete_from_waitlist;
    /// Lists entries of every status. It reads all of them, so it is meant for administrators, not for every request.
    ///
    /// # Errors
    /// `form_param_value_invalid` for an unknown status or order.
    list(listing: &ListParams) -> Page<WaitlistEntryView>: list_waitlist;
}

use crate::domain::id::InvitationId;
use crate::domain::invitation::NewInvitation;
use crate::engine::{Caller, Engine, EngineError, InvitationView, ListParams, Page, RequestContext, TicketHolder};

handle! {
    /// The calls about invitations.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vestibule::Engine;
    /// use vestibule::backend::{InvitationStatus, ListParams, NewInvitation};
    ///
    /// let settings = vestibule::settings::sample_settings("email_code")?;
    /// let engine = Engine::builder().settings(settings).build().await?;
    /// let made = engine.invitations().create(&NewInvitation::to("ada@example.com")).await?;
    /// assert_eq!(engine.invitations().list(&ListParams::default()).await?.total, 1);
    ///
    /// let revoked = engine.invitations().revoke(made.value.id).await?;
    /// assert_eq!(revoked.status, InvitationStatus::Revoked);
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    Invitations by invitations;

    /// Invites a person. The ticket is sent by e-mail unless the input says otherwise.
    ///
    /// # Errors
    /// [`EngineError::Rejected`]: every fault of the parameters, `duplicate_record` where an invitation is pending
    /// for the address, `form_identifier_exists` where a user has it, `not_allowed_access` where it is on the
    /// block-list.
    create(input: &NewInvitation) -> InvitationView: create_invitation;
    /// Invites several people: all of them or, on any error, none.
    ///
    /// # Errors
    /// As [`Invitations::create`].
    create_all(inputs: &[NewInvitation]) -> Vec<InvitationView>: create_invitations;
    /// Revokes an invitation: its ticket can no longer be used to sign up.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], `invitation_already_accepted`, `invitation_already_revoked`.
    revoke(id: InvitationId) -> InvitationView: revoke_invitation;
    /// Deletes an invitation, whatever its status.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    delete(id: InvitationId) -> (): delete_invitation;
    /// Lists invitations; revoked ones only where that status is asked for. It reads all invitations, so it is meant
    /// for administrators, not for every request.
    ///
    /// # Errors
    /// `form_param_value_invalid` for an unknown status or order.
    list(listing: &ListParams) -> Page<InvitationView>: list_invitations;
    /// Says what the holder of a ticket, of an invitation or of a sign-in token, should do next. Changes nothing. An existing
    /// user is told to sign in, whatever the invitation's status.
    ///
    /// # Errors
    /// `ticket_invalid_code`, `sign_in_token_revoked_code`.
    accept_ticket(caller: &Caller, ticket: &str, context: &RequestContext) -> TicketHolder: accept_ticket;
}

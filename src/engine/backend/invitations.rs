//! The calls about invitations and their tickets
//! ([guide: Invitations and tickets](crate::guide::contract_sign_ups#invitations-and-tickets)).

use std::fmt;

use url::Url;

use crate::domain::id::{InvitationId, MessageId};
use crate::domain::invitation::{Invitation, InvitationStatus, NewInvitation};
use crate::domain::message::{Content, Message};
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::settings::SignUpMode;
use crate::domain::sign_in_token::SignInTokenStatus;
use crate::domain::sign_up::SignUp;
use crate::limiter::LimitedAction;
use crate::store::{Commit, Decision, InvitationChange, OutboxEntry};

use super::pagination::{ListParams, Page, collect};
use crate::engine::input::Given;
use crate::engine::{Caller, Engine, EngineError, RequestContext};

/// An invitation as it is shown.
#[derive(Clone)]
#[non_exhaustive]
pub struct InvitationView {
    /// The stored invitation.
    pub value: Invitation,
    /// Its status now.
    pub status: InvitationStatus,
    /// The URL to send to the invited person. It contains the ticket, so it is a secret while the invitation is
    /// pending.
    pub url: Url,
}

/// What the holder of a ticket should do next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TicketHolder {
    /// The next step.
    pub status: TicketStatus,
    /// Where to do it: the invitation's redirect URL, if the instance still allows it.
    pub redirect_url: Option<RedirectUrl>,
    /// Whether the ticket is needed there.
    pub needs_ticket: bool,
}

/// The next step for the holder of a ticket
/// (`__clerk_status`, [guide: Invitations and tickets](crate::guide::contract_sign_ups#invitations-and-tickets)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketStatus {
    /// Sign up with the ticket: the invitation is good.
    SignUp,
    /// Sign in: with the ticket of a sign-in token, or of an invitation whose address is a user's; as usual where the
    /// ticket is no longer good.
    SignIn,
    /// Go on: this client is signed in as the user with the address, or of the token.
    Complete,
    /// Nothing: the invitation or the token has expired. Clerk has no such status.
    Expired,
    /// Nothing: the invitation was revoked. Clerk has no such status.
    Revoked,
}

/// Without the URL, which contains the ticket.
impl fmt::Debug for InvitationView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("InvitationView");
        shown.field("value", &self.value).field("status", &self.status).finish_non_exhaustive()
    }
}

impl Engine {
    /// [`Invitations::create`](crate::engine::Invitations::create).
    pub(crate) async fn create_invitation(&self, input: &NewInvitation) -> Result<InvitationView, EngineError> {
        let mut views = self.create_invitations(std::slice::from_ref(input)).await?;
        views.pop().ok_or(EngineError::Internal)
    }

    /// [`Invitations::create_all`](crate::engine::Invitations::create_all).
    pub(crate) async fn create_invitations(
        &self,
        inputs: &[NewInvitation],
    ) -> Result<Vec<InvitationView>, EngineError> {
        self.create_given_invitations(inputs.iter().cloned().map(Given::from).collect()).await
    }

    /// [`Invitations::create_all`](crate::engine::Invitations::create_all) by a request.
    pub(crate) async fn create_given_invitations(
        &self,
        given: Vec<Given<NewInvitation>>,
    ) -> Result<Vec<InvitationView>, EngineError> {
        self.admitted(async {
            let mut commit = Commit { at: self.now(), ..Commit::default() };
            let mut issued = Vec::new();
            for Given { input, faults } in &given {
                let invitation = self.inner.actor_context.decide(|cx| Invitation::issue(input, faults, cx))?;
                self.prepare_invitation(&mut commit, &invitation, input).await?;
                issued.push(invitation);
            }
            self.inner.system.persister().commit(commit).await?;
            Ok(issued.into_iter().map(|invitation| self.view_invitation(invitation)).collect())
        })
        .await
    }

    /// Adds to `commit` the new invitation and the message that carries it.
    pub(in crate::engine) async fn prepare_invitation(
        &self,
        commit: &mut Commit,
        invitation: &Invitation,
        input: &NewInvitation,
    ) -> Result<(), EngineError> {
        let beside_others = input.ignore_existing;
        // A blocked address could not sign up with the invitation, so it gets no message either.
        self.settings().restrictions.admit_invited(&invitation.email_address)?;
        let address = invitation.email_address.identifier();
        if !beside_others && self.owner_of(&address).await?.is_some() {
            return Err(ErrorCode::FormIdentifierExists.on("email_address").into());
        }
        commit
            .decision
            .invitations
            .push(InvitationChange::Issue { invitation: Box::new(invitation.clone()), beside_others });
        if input.notify {
            commit.decision.outbox.push(self.letter(invitation));
        }
        Ok(())
    }

    /// [`Invitations::revoke`](crate::engine::Invitations::revoke).
    pub(crate) async fn revoke_invitation(&self, id: InvitationId) -> Result<InvitationView, EngineError> {
        self.admitted(async {
            self.change_invitation(InvitationChange::Revoke(id)).await?;
            let invitation = self.inner.store().invitation(id).await?.ok_or(EngineError::NotFound)?;
            Ok(self.view_invitation(invitation))
        })
        .await
    }

    /// [`Invitations::delete`](crate::engine::Invitations::delete).
    pub(crate) async fn delete_invitation(&self, id: InvitationId) -> Result<(), EngineError> {
        self.admitted(self.change_invitation(InvitationChange::Delete(id))).await
    }

    /// [`Invitations::list`](crate::engine::Invitations::list).
    pub(crate) async fn list_invitations(&self, listing: &ListParams) -> Result<Page<InvitationView>, EngineError> {
        self.admitted(async {
            let now = self.now();
            let order = listing.order(&["created_at", "email_address", "expires_at"])?;
            let wanted = listing.status(InvitationStatus::ALL, |status| status.as_str())?;
            let finds = listing.finder();
            let matches = |invitation: &Invitation| {
                let status = invitation.status(now);
                let is_wanted = wanted.map_or(status != InvitationStatus::Revoked, |wanted| wanted == status);
                is_wanted && finds(&invitation.email_address)
            };
            let store = self.inner.store();
            let all = collect(|after| store.invitations(after, PORTION), |i| i.id, matches, PORTION).await?;
            let page = listing.page(
                all,
                |left, right| match order.by {
                    "email_address" => left.email_address.as_str().cmp(right.email_address.as_str()),
                    "expires_at" => left.expire_at.cmp(&right.expire_at),
                    _ => left.created_at.cmp(&right.created_at),
                },
                order,
            )?;
            Ok(page.map(|invitation| self.view_invitation(invitation)))
        })
        .await
    }

    /// [`Invitations::accept_ticket`](crate::engine::Invitations::accept_ticket).
    pub(crate) async fn accept_ticket(
        &self,
        caller: &Caller,
        ticket: &str,
        context: &RequestContext,
    ) -> Result<TicketHolder, EngineError> {
        self.admitted(async {
            self.inner.admission.spend(LimitedAction::LookUp, context, self.now())?;
            let here = |user| caller.client().is_some_and(|c| c.live_sessions(self.now()).any(|s| s.user_id == user));
            if let Some(token) = self.sign_in_token_of(ticket).await? {
                let status = match token.status {
                    _ if here(token.user_id) => TicketStatus::Complete,
                    SignInTokenStatus::Revoked => return Err(Rejection::from(ErrorCode::SignInTokenRevoked).into()),
                    SignInTokenStatus::Pending if token.check_redeemable(self.now()).is_err() => TicketStatus::Expired,
                    SignInTokenStatus::Pending | SignInTokenStatus::Accepted => TicketStatus::SignIn,
                };
                let needs_ticket = status == TicketStatus::SignIn && token.status == SignInTokenStatus::Pending;
                return Ok(TicketHolder { status, redirect_url: None, needs_ticket });
            }
            let invitation = self.invitation_of(ticket).await?;
            let owner = self.owner_of(&invitation.email_address.identifier()).await?;
            let status = match owner {
                Some(user) if here(user) => TicketStatus::Complete,
                Some(_) => TicketStatus::SignIn,
                None => match invitation.status(self.now()) {
                    InvitationStatus::Pending => TicketStatus::SignUp,
                    InvitationStatus::Accepted => TicketStatus::SignIn,
                    InvitationStatus::Expired => TicketStatus::Expired,
                    InvitationStatus::Revoked => TicketStatus::Revoked,
                },
            };
            let redirect_url = invitation.redirect_url.clone().and_then(|url| self.still_allowed(url));
            let is_good = invitation.check_redeemable(self.now()).is_ok();
            let needs_ticket = is_good && matches!(status, TicketStatus::SignUp | TicketStatus::SignIn);
            Ok(TicketHolder { status, redirect_url, needs_ticket })
        })
        .await
    }

    /// The invitation whose ticket is used in a sign-up.
    ///
    /// # Errors
    /// Why the ticket can't be used, `sign_in_token_not_in_sign_in_code` for that of a sign-in token;
    /// `identifier_already_signed_in`, with the session, where this client is already signed in as the user with the
    /// invited address.
    pub(in crate::engine) async fn invited_by(&self, ticket: &str, caller: &Caller) -> Result<Invitation, EngineError> {
        if self.inner.key.read_sign_in_ticket(ticket).is_some() {
            return Err(Rejection::from(ErrorCode::SignInTokenNotInSignIn).into());
        }
        let invitation = self.invitation_of(ticket).await?;
        let is_good = invitation.check_redeemable(self.now());
        if !matches!(is_good, Ok(()) | Err(ErrorCode::InvitationAlreadyAccepted)) {
            is_good.map_err(Rejection::from)?;
        }
        let owner = self.owner_of(&invitation.email_address.identifier()).await?;
        let session = owner.zip(caller.client()).and_then(|(user, client)| self.session_of(user, client));
        match (session, is_good, owner) {
            (Some(session), ..) => Err(Reason::from(ErrorCode::IdentifierAlreadySignedIn).instead(session).into()),
            (None, Err(code), _) => Err(Rejection::from(code).into()),
            (None, Ok(()), Some(_)) => Err(Rejection::from(ErrorCode::InvitationAccountExists).into()),
            (None, Ok(()), None) => Ok(invitation),
        }
    }

    /// Sends no message where the sign-up is allowed only by an invitation that is no longer valid. Whether it may
    /// become a user is decided by the commit.
    pub(in crate::engine) async fn is_still_invited(&self, sign_up: &SignUp) -> Result<(), EngineError> {
        let is_public = self.settings().sign_up.mode == SignUpMode::Public;
        let Some(id) = sign_up.invited_by().filter(|_| !is_public) else { return Ok(()) };
        let invitation = self.inner.store().invitation(id).await?;
        let invitation = invitation.ok_or_else(|| Rejection::from(ErrorCode::TicketInvalidCode))?;
        Ok(invitation.check_redeemable(self.now()).map_err(Rejection::from)?)
    }

    /// The invitation of a ticket.
    ///
    /// # Errors
    /// `ticket_invalid_code`.
    pub(in crate::engine) async fn invitation_of(&self, ticket: &str) -> Result<Invitation, EngineError> {
        let invalid = || EngineError::from(Rejection::from(ErrorCode::TicketInvalidCode));
        let id = self.inner.key.read_ticket(ticket).ok_or_else(invalid)?;
        self.inner.store().invitation(id).await?.ok_or_else(invalid)
    }

    pub(in crate::engine) fn view_invitation(&self, value: Invitation) -> InvitationView {
        let mut url = self.inner.accept_url.clone();
        url.query_pairs_mut().append_pair("ticket", self.inner.key.ticket(value.id).expose());
        InvitationView { status: value.status(self.now()), url, value }
    }

    async fn change_invitation(&self, change: InvitationChange) -> Result<(), EngineError> {
        let commit = Commit::of_decision(self.now(), Decision { invitations: vec![change], ..Decision::default() });
        self.inner.system.persister().commit(commit).await?;
        Ok(())
    }

    fn letter(&self, invitation: &Invitation) -> OutboxEntry {
        let id = self.inner.actor_context.decide(|cx| MessageId::generate(cx.now, cx.entropy));
        self.inner.actor_context.seal(Message {
            id,
            to: invitation.email_address.identifier(),
            display_to: invitation.email_address.typed().to_owned(),
            content: Content::Invitation(self.inner.key.ticket(invitation.id)),
            origin: invitation.id.into(),
            locale: None,
            phone_channel: None,
            created_at: invitation.created_at,
            expire_at: invitation.expire_at,
        })
    }
}

/// How many invitations one read returns.
const PORTION: usize = 512;

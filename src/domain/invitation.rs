//! Invitations: the operator allows the owner of one e-mail address to sign up
//! ([guide: Invitations and tickets](crate::guide::contract_sign_ups#invitations-and-tickets)).

use super::context::Context;
use super::field::Field;
use super::id::{InvitationId, UserId, WaitlistEntryId};
use super::identifier::EmailAddress;
use super::metadata::Metadata;
use super::redirect::RedirectUrl;
use super::rejection::{ErrorCode, Reason, Rejection};
use super::settings::Settings;
use super::time::{Span, Timestamp};

/// An invitation. Its ticket is derived from its id, so it holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The invited address; the ticket proves it.
    pub email_address: EmailAddress,
    /// What the user's `public_metadata` will be, a JSON object as text.
    pub public_metadata: String,
    /// Where the link with the ticket leads.
    pub redirect_url: Option<RedirectUrl>,
    /// The waiting list entry that it admits.
    pub waitlist_entry: Option<WaitlistEntryId>,
    /// Its stored state.
    pub state: InvitationState,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it expires.
    pub expire_at: Timestamp,
}

/// The stored state of an invitation; expiry is derived from the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationState {
    /// Neither used nor revoked.
    Pending,
    /// Used by this user.
    Accepted(UserId),
    /// Revoked by the operator.
    Revoked,
}

/// The status of an invitation, in the words of Clerk's Backend API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvitationStatus {
    /// Good: it can be used.
    Pending,
    /// Used by a user.
    Accepted,
    /// Revoked by the operator.
    Revoked,
    /// Too old, and not used before.
    Expired,
}

/// The input of a new invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvitation {
    /// The invited address as typed.
    pub email_address: String,
    /// What the user's `public_metadata` will be.
    pub public_metadata: Option<Metadata>,
    /// Where the link with the ticket leads; if absent, the application's home.
    pub redirect_url: Option<RedirectUrl>,
    /// Whether the invitation is sent by e-mail.
    pub notify: bool,
    /// Whether to skip the check for a pending invitation or a user with this address.
    pub ignore_existing: bool,
    /// How many days it is valid, from 1 to 365; 30 if absent.
    pub expires_in_days: Option<u64>,
}

impl NewInvitation {
    /// An invitation to this address, as typed, which is sent by e-mail.
    pub fn to(email_address: impl Into<String>) -> Self {
        Self {
            email_address: email_address.into(),
            public_metadata: None,
            redirect_url: None,
            notify: true,
            ignore_existing: false,
            expires_in_days: None,
        }
    }
}

impl Invitation {
    /// A new invitation. The `faults` of parameters that could not be read are reported with the others.
    ///
    /// # Errors
    /// Every fault of the parameters, each naming its parameter.
    pub fn issue(input: &NewInvitation, faults: &[Reason], cx: &mut Context<'_>) -> Result<Self, Rejection> {
        let mut reasons = Vec::new();
        let email = invited(Some(&input.email_address), cx.settings).map_err(|reason| reasons.push(reason)).ok();
        reasons.extend_from_slice(faults);
        let days = input.expires_in_days.unwrap_or(DAYS);
        if days == 0 || days > DAYS_MAX {
            reasons.push(ErrorCode::FormParamValueInvalid.on("expires_in_days"));
        }
        Rejection::collect(reasons)?;
        let Some(email_address) = email else { return Err(ErrorCode::FormParamMissing.on("email_address").into()) };
        Ok(Self {
            id: InvitationId::generate(cx.now, cx.entropy),
            email_address,
            public_metadata: input.public_metadata.as_ref().map_or("{}", Metadata::as_str).to_owned(),
            redirect_url: input.redirect_url.clone(),
            waitlist_entry: None,
            state: InvitationState::Pending,
            created_at: cx.now,
            updated_at: cx.now,
            expire_at: cx.now + Span::from_secs(days * DAY_S),
        })
    }

    /// Its status at `now`.
    pub fn status(&self, now: Timestamp) -> InvitationStatus {
        match self.state {
            InvitationState::Accepted(_) => InvitationStatus::Accepted,
            InvitationState::Revoked => InvitationStatus::Revoked,
            InvitationState::Pending if now >= self.expire_at => InvitationStatus::Expired,
            InvitationState::Pending => InvitationStatus::Pending,
        }
    }

    /// Whether its ticket is valid at `now`.
    ///
    /// # Errors
    /// `invitation_already_accepted`, `revoked_invitation`, `ticket_expired_code`.
    pub fn check_redeemable(&self, now: Timestamp) -> Result<(), ErrorCode> {
        match self.status(now) {
            InvitationStatus::Pending => Ok(()),
            InvitationStatus::Accepted => Err(ErrorCode::InvitationAlreadyAccepted),
            InvitationStatus::Revoked => Err(ErrorCode::RevokedInvitation),
            InvitationStatus::Expired => Err(ErrorCode::TicketExpiredCode),
        }
    }

    /// The invitation after use by a person who becomes a user now. It must be valid at this moment, even if it was
    /// valid when the sign-up began.
    ///
    /// # Errors
    /// As [`Self::check_redeemable`].
    pub fn accepted(&self, user: UserId, now: Timestamp) -> Result<Self, ErrorCode> {
        self.check_redeemable(now)?;
        Ok(self.settled(InvitationState::Accepted(user), now))
    }

    /// The invitation after the operator revokes it; an expired one can be revoked too.
    ///
    /// # Errors
    /// `invitation_already_accepted`, `invitation_already_revoked`.
    pub fn revoked(&self, now: Timestamp) -> Result<Self, ErrorCode> {
        match self.state {
            InvitationState::Pending => Ok(self.settled(InvitationState::Revoked, now)),
            InvitationState::Accepted(_) => Err(ErrorCode::InvitationAlreadyAccepted),
            InvitationState::Revoked => Err(ErrorCode::InvitationAlreadyRevoked),
        }
    }

    fn settled(&self, state: InvitationState, now: Timestamp) -> Self {
        Self { state, updated_at: now, ..self.clone() }
    }
}

impl InvitationStatus {
    /// All statuses.
    pub const ALL: &[Self] = &[Self::Pending, Self::Accepted, Self::Revoked, Self::Expired];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

/// Reads the address of a person whom the operator invites, or who asks to be invited.
///
/// # Errors
/// `form_param_missing`, `form_param_format_invalid`, and `form_param_unknown` where users have no e-mail address.
pub fn invited(text: Option<&str>, settings: &Settings) -> Result<EmailAddress, Reason> {
    let text = text.filter(|text| !text.is_empty()).ok_or_else(|| ErrorCode::FormParamMissing.on("email_address"))?;
    if !settings.enabled(&Field::EmailAddress) {
        return Err(ErrorCode::FormParamUnknown.on("email_address"));
    }
    EmailAddress::parse(text)
}

/// Default validity of an invitation in days, as in Clerk.
const DAYS: u64 = 30;
const DAYS_MAX: u64 = 365;
const DAY_S: u64 = 86_400;

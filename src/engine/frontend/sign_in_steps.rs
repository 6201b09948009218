//! The look-ups and the hashing before a sign-in is decided: who holds the identifier, what the first step is, and
//! whether a password fits.

use std::sync::Arc;

use crate::domain::id::{ClientId, SignInId, UserId};
use crate::domain::identifier::Identifier;
use crate::domain::invitation::Invitation;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::sign_in::{self, Attempt, Prepare, Proof, SignIn, Start};
use crate::domain::sign_in_token::SignInToken;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::domain::verification::{self, Strategy};
use crate::token::FlowId;

use super::passkeys::CREDENTIAL;
use crate::engine::input::{Asked, AttemptFirstFactor, NewSignIn};
use crate::engine::{Caller, Engine, EngineError, RequestContext};

/// What the ticket of a sign-in belongs to.
pub(super) enum Presented {
    Token(SignInToken),
    /// An invitation, and how its user spells the invited address.
    Invitation(Invitation, Identifier),
}

impl Presented {
    /// What the sign-in starts with.
    ///
    /// # Errors
    /// Why the ticket can't be used any more at `now`.
    pub(super) fn start(&self, now: Timestamp) -> Result<Start, ErrorCode> {
        match self {
            Self::Token(token) => token.check_redeemable(now).map(|()| Start::Ticket(token.id)),
            Self::Invitation(invitation, address) => {
                let address = address.clone();
                invitation.check_redeemable(now).map(|()| Start::Invited { invitation: invitation.id, address })
            }
        }
    }
}

impl Engine {
    /// What a sign-in starts with that takes over, from the client's sign-up, an account that belongs to a user.
    pub(super) async fn take_over(&self, caller: &Caller) -> Result<Start, EngineError> {
        let nothing = || Rejection::from(ErrorCode::AccountTransferInvalid);
        let client = caller.client().ok_or_else(nothing)?;
        let answer = self.inner.system.read(client.sign_up.ok_or_else(nothing)?, client.id).await?;
        let account = answer.sign_up.external_account.as_deref().ok_or_else(nothing)?;
        let (_, answer) = self.transferable(account, ErrorCode::ExternalAccountExists, Some(client)).await?;
        Ok(Start::TakeOver(Box::new((account.clone(), answer))))
    }

    /// The sign-in token or the invitation whose ticket a person presents, and its user.
    ///
    /// # Errors
    /// `invitation_account_not_exists` for the ticket of an invitation whose address no user has; `ticket_invalid_code` for
    /// anything that is no ticket.
    pub(super) async fn presented(&self, ticket: &str) -> Result<(Presented, Option<Arc<User>>), EngineError> {
        let store = self.inner.store();
        if let Some(token) = self.sign_in_token_of(ticket).await? {
            let user = store.user(token.user_id).await?;
            return Ok((Presented::Token(token), user));
        }
        let invitation = self.invitation_of(ticket).await?;
        let address = invitation.email_address.identifier();
        let owner = self.owner_of(&address).await?;
        let owner = owner.ok_or_else(|| Rejection::from(ErrorCode::InvitationAccountNotExists))?;
        let user = store.user(owner).await?;
        let ignores_dots = self.settings().ignores_dots();
        let own = user.as_deref().and_then(|user| user.address_like(&address, ignores_dots));
        let address = own.unwrap_or(address);
        Ok((Presented::Invitation(invitation, address), user))
    }

    /// The user who holds an identifier.
    pub(super) async fn owner(&self, identifier: Option<&Identifier>) -> Result<Option<Arc<User>>, EngineError> {
        let Some(identifier) = identifier else { return Ok(None) };
        self.user_behind(self.owner_of(identifier).await?).await
    }

    /// The user with this id. Under enumeration protection an unknown id costs the same look-up (constant time).
    pub(in crate::engine) async fn user_behind(&self, id: Option<UserId>) -> Result<Option<Arc<User>>, EngineError> {
        let is_protected = self.settings().hides_users();
        match id {
            Some(id) => return Ok(self.inner.store().user(id).await?),
            None if is_protected => self.dummy_lookup().await?,
            None => {}
        }
        Ok(None)
    }

    /// The rest of the step that creates a sign-in.
    pub(super) async fn start(
        &self,
        input: &NewSignIn,
        is_identified: bool,
        (id, client): (SignInId, ClientId),
        user: Option<&User>,
        context: &RequestContext,
    ) -> Result<Start, EngineError> {
        let (strategy, password) = (input.strategy.as_ref(), input.given_password());
        if let Some(strategy @ Strategy::OAuth(_)) = strategy {
            verification::check_enabled(strategy, &self.settings())?;
            let trip = self.leave(strategy, (FlowId::SignIn(id), client), &input.authorize, context).await?;
            return Ok(Start::Leave(Box::new(trip)));
        }
        // Where passkeys do not sign in, the strategy is refused as any that the user does not have.
        if strategy == Some(&Strategy::Passkey) && self.settings().signs_in_with_passkeys() {
            return self.start_with_passkey(id, user);
        }
        if !is_identified && (strategy.is_some() || password.is_some()) {
            strategy.map_or(Ok(()), sign_in::check_begins_alone)?;
            return Err(ErrorCode::FormParamMissing.on("identifier").into());
        }
        match (strategy, password) {
            (None, None) => Ok(Start::Identify),
            (None | Some(Strategy::Password), Some(password)) => {
                Ok(Start::Password { fits: self.compare(password, user, client, context).await? })
            }
            (Some(Strategy::Password), None) => Err(ErrorCode::FormParamMissing.on("password").into()),
            (Some(strategy), _) => Ok(Start::Prepare(Prepare {
                channel: input.channel,
                redirect_url: input.authorize.redirect_url.clone(),
                in_cookie: context.in_cookie(),
                ..Prepare::new(strategy.clone())
            })),
        }
    }

    /// What an attempt presents as proof: a password is compared here, a code by the decision.
    pub(super) async fn proof(
        &self,
        sign_in: &SignIn,
        asked: &Asked<AttemptFirstFactor>,
        user: Option<&User>,
        client: ClientId,
        context: &RequestContext,
    ) -> Result<Attempt, EngineError> {
        let missing = |param| EngineError::from(ErrorCode::FormParamMissing.on(param));
        let AttemptFirstFactor { strategy, code, password, public_key_credential } =
            asked.as_ref().map_err(Clone::clone)?;
        let proof = match strategy {
            Strategy::Password => {
                let password = password.as_ref().filter(|password| !password.expose().is_empty());
                let password = password.ok_or_else(|| missing("password"))?;
                Proof::Password { fits: self.compare(password, user, client, context).await? }
            }
            Strategy::Passkey if self.settings().signs_in_with_passkeys() => {
                let given = public_key_credential.as_deref().filter(|given| !given.is_empty());
                let given = given.ok_or_else(|| missing(CREDENTIAL))?;
                Proof::Passkey(self.passkey_proof(sign_in, user, given).await?)
            }
            _ if strategy.sends_to().is_some() && *strategy != Strategy::EmailLink => {
                let code = code.as_deref().filter(|code| !code.is_empty()).ok_or_else(|| missing("code"))?;
                Proof::Code(verification::OneTimeCode::parse(code))
            }
            // This strategy accepts no proof, whatever the parameters are.
            _ => Proof::Code(None),
        };
        Ok(Attempt { strategy: strategy.clone(), proof })
    }
}

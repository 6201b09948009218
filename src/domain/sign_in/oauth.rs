//! Signing in with an account at a provider: the authorization request, its response, and taking over an account that a
//! sign-up proved ([guide: Accounts at providers](crate::guide::contract_sign_ups#accounts-at-providers)).

use crate::domain::context::Context;
use crate::domain::id::{SignInId, UserId};
use crate::domain::identifier::EmailAddress;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::user::UserAccount;
use crate::domain::verification::{
    AuthorizationResponse, ExternalAccount, ExternalState, ProviderOutcome, SecondFactorNeed,
};

use super::{Credential, SignIn, Transition};

impl SignIn {
    /// Applies the response to an authorization request. An account of no user is left to a sign-up.
    ///
    /// # Errors
    /// `oauth_callback_invalid` unless the response belongs to the pending authorization request.
    pub fn return_from_provider(
        &self,
        back: &AuthorizationResponse,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        let account = self.external.as_ref().filter(|account| account.awaits_callback(&back.nonce, cx.now));
        let mut account = (**account.ok_or(ErrorCode::OAuthCallbackInvalid)?).clone();
        let mut next = self.touched(cx);
        account.authorize_url = None;
        let ProviderOutcome { outcome, owner, session, .. } = &back.answer;
        account.state = match outcome {
            Err(code) => ExternalState::Failed { code: *code, session: None },
            Ok(_) if session.is_some() => {
                ExternalState::Failed { code: ErrorCode::IdentifierAlreadySignedIn, session: *session }
            }
            Ok(_) if owner.is_some() => ExternalState::Verified { at: cx.now, client: self.client_id },
            Ok(_) => ExternalState::Transferable(ErrorCode::ExternalAccountNotFound),
        };
        account.profile = outcome.as_ref().ok().cloned();
        let is_verified = account.is_verified();
        next.external = Some(Box::new(account));
        let transition = match owner.filter(|_| is_verified) {
            Some(user) => next.proved_by_account(Some(self.stamp()), user, &back.answer, cx)?,
            None => Transition::to(next).kept(Some(self.stamp())),
        };
        Ok(if back.by_owner { transition } else { transition.without_rotation() })
    }

    /// Takes over the account that a sign-up of the same client found to belong to a user. The value is new.
    pub(super) fn take_over(
        mut self,
        account: &ExternalAccount,
        answer: &ProviderOutcome,
        expected: Option<(SignInId, u64)>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        let user = answer.owner.ok_or(ErrorCode::AccountTransferInvalid)?;
        if let Some(session) = answer.session {
            return Err(ErrorCode::IdentifierAlreadySignedIn.on("identifier").instead(session).into());
        }
        let state = ExternalState::Verified { at: cx.now, client: self.client_id };
        self.external = Some(Box::new(ExternalAccount { state, ..account.clone() }));
        self.proved_by_account(expected, user, answer, cx)
    }

    fn proved_by_account(
        mut self,
        expected: Option<(SignInId, u64)>,
        user: UserId,
        answer: &ProviderOutcome,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        self.user_id = Some(user);
        let account = self.external.clone().ok_or(ErrorCode::AccountTransferInvalid)?;
        let proof = match &answer.links {
            Some(address) => linked(&account, address.clone(), cx),
            None => account.identifier().map(Credential::Account),
        };
        let proof = proof.ok_or(ErrorCode::AccountTransferInvalid)?;
        let transition = Transition::to(self);
        Ok(match answer.second_factor {
            SecondFactorNeed::Needed => transition.awaiting_second_factor(expected, &proof, cx),
            need => {
                let proof = (Some(account.strategy.clone()), proof);
                transition.completed(expected, user, proof, need, cx).seeing(answer.has_second_factor)
            }
        })
    }
}

/// An account that becomes the user's because its provider vouches for the user's `address`.
pub(super) fn linked(account: &ExternalAccount, address: EmailAddress, cx: &mut Context<'_>) -> Option<Credential> {
    account.profile.as_ref().filter(|profile| profile.email_verified)?;
    let vouched = account.strategy.provider_verified()?;
    Some(Credential::NewAccount { account: Box::new(UserAccount::of(account, cx)?), address, vouched })
}

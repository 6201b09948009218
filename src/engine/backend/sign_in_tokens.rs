//! The calls about sign-in tokens, and the reading of their tickets
//! ([guide: Sign-in tokens](crate::guide::contract_backend#sign-in-tokens)).

use std::fmt;

use url::Url;

use crate::domain::id::{SignInTokenId, UserId};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_in_token::SignInToken;
use crate::domain::time::Span;
use crate::store::{Commit, Decision, SignInTokenChange};

use crate::engine::{Engine, EngineError};

/// A sign-in token as it is shown.
#[derive(Clone)]
#[non_exhaustive]
pub struct SignInTokenView {
    /// The stored token.
    pub value: SignInToken,
    /// The ticket, with which a person signs in: a secret while the token is pending.
    pub ticket: Secret<String>,
    /// The URL to send to the person. It contains the ticket.
    pub url: Url,
}

/// Without the ticket and the URL that contains it.
impl fmt::Debug for SignInTokenView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInTokenView").field("value", &self.value).finish_non_exhaustive()
    }
}

impl Engine {
    /// [`SignInTokens::create`](crate::engine::SignInTokens::create).
    pub(in crate::engine) async fn create_sign_in_token(
        &self,
        user: UserId,
        expires_in: Option<Span>,
    ) -> Result<SignInTokenView, EngineError> {
        self.admitted(async {
            let issued = self.inner.actor_context.decide(|cx| SignInToken::issue(user, expires_in, cx))?;
            self.change_sign_in_token(SignInTokenChange::Issue(Box::new(issued.clone()))).await?;
            Ok(self.view_sign_in_token(issued))
        })
        .await
    }

    /// [`SignInTokens::revoke`](crate::engine::SignInTokens::revoke).
    pub(in crate::engine) async fn revoke_sign_in_token(
        &self,
        id: SignInTokenId,
    ) -> Result<SignInTokenView, EngineError> {
        self.admitted(async {
            self.change_sign_in_token(SignInTokenChange::Revoke(id)).await?;
            let revoked = self.inner.store().sign_in_token(id).await?.ok_or(EngineError::NotFound)?;
            Ok(self.view_sign_in_token(revoked))
        })
        .await
    }

    /// The sign-in token of a ticket; `None` for a ticket of another kind.
    ///
    /// # Errors
    /// `ticket_invalid_code` for the ticket of a token that is not kept any more.
    pub(in crate::engine) async fn sign_in_token_of(&self, ticket: &str) -> Result<Option<SignInToken>, EngineError> {
        let Some(id) = self.inner.key.read_sign_in_ticket(ticket) else { return Ok(None) };
        let found = self.inner.store().sign_in_token(id).await?;
        found.map(Some).ok_or_else(|| Rejection::from(ErrorCode::TicketInvalidCode).into())
    }

    async fn change_sign_in_token(&self, change: SignInTokenChange) -> Result<(), EngineError> {
        let decision = Decision { sign_in_tokens: vec![change], ..Decision::default() };
        self.inner.system.persister().commit(Commit::of_decision(self.now(), decision)).await?;
        Ok(())
    }

    fn view_sign_in_token(&self, value: SignInToken) -> SignInTokenView {
        let ticket = self.inner.key.sign_in_ticket(value.id);
        let mut url = self.inner.accept_url.clone();
        url.query_pairs_mut().append_pair("ticket", ticket.expose());
        SignInTokenView { value, ticket, url }
    }
}

//! Provider accounts: who owns them, look-ups before a decision, and transfers between sign-up and sign-in
//! ([guide: Transfer](crate::guide::contract_sign_ups#transfer)). The commit checks ownership again.

use std::net::IpAddr;

use crate::domain::client::Client;
use crate::domain::id::{SessionId, UserId};
use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind, Username};
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::sign_in::{self, Entry, SourceMark};
use crate::domain::sign_up::External;
use crate::domain::user::Identification;
use crate::domain::verification::{
    ExternalAccount, ExternalState, Profile, ProviderOutcome, SecondFactorNeed, Strategy,
};

use crate::engine::{Caller, Engine, EngineError, RequestContext};

impl Engine {
    /// What a sign-up starts with that takes over, from the client's sign-in, an account that no user has.
    pub(in crate::engine) async fn taken_over(&self, caller: &Caller) -> Result<External, EngineError> {
        let nothing = || Rejection::from(ErrorCode::AccountTransferInvalid);
        let client = caller.client_id().ok_or_else(nothing)?;
        let client = self.inner.store().client(client).await?.ok_or_else(nothing)?;
        let open = client.open_sign_in(self.now(), &self.inner.actor_context.policy);
        let account = open.and_then(|sign_in| sign_in.external.as_deref()).ok_or_else(nothing)?;
        let (strategy, answer) = self.transferable(account, ErrorCode::ExternalAccountNotFound, Some(&client)).await?;
        Ok(External::Answered(strategy, answer))
    }

    /// A proved account that is to be transferred, and the user who owns it now.
    pub(in crate::engine) async fn transferable(
        &self,
        account: &ExternalAccount,
        because: ErrorCode,
        client: Option<&Client>,
    ) -> Result<(Strategy, ProviderOutcome), EngineError> {
        let nothing = || Rejection::from(ErrorCode::AccountTransferInvalid);
        let profile = account.profile.clone().filter(|_| account.state == ExternalState::Transferable(because));
        let provider = account.strategy.provider().ok_or_else(nothing)?;
        let answer = self.answer(&provider, Ok(profile.ok_or_else(nothing)?), client).await?;
        Ok((account.strategy.clone(), answer))
    }

    /// The provider's profile together with the owners of the account, its address and its username. `client` is the
    /// one that started the authorization request.
    pub(in crate::engine) async fn answer(
        &self,
        provider: &str,
        outcome: Result<Profile, ErrorCode>,
        client: Option<&Client>,
    ) -> Result<ProviderOutcome, EngineError> {
        let mut answer = ProviderOutcome {
            outcome,
            owner: None,
            links: None,
            session: None,
            second_factor: SecondFactorNeed::None,
            has_second_factor: false,
            taken: Default::default(),
        };
        let Ok(profile) = &answer.outcome else { return Ok(answer) };
        let store = self.inner.store();
        answer.owner = store.owner(&profile.identifier(provider)).await?;
        if let Some(email) = profile.email()
            && let Some(user) = self.holder_of(&email.identifier()).await?
        {
            answer.taken.insert(IdentifierKind::EmailAddress);
            if answer.owner.is_none() {
                // A user created between the two look-ups owns both.
                answer.owner = store.owner(&profile.identifier(provider)).await?;
            }
            if answer.owner.is_none() && profile.email_verified {
                answer.links = self.linkable(user, provider, &email).await?;
                answer.owner = answer.links.as_ref().map(|_| user);
            }
        }
        let rules = &self.settings().username_settings;
        let username = profile.username.as_deref().and_then(|text| Username::parse(text, rules).ok());
        if let Some(username) = username
            && store.owner(&username.identifier()).await?.is_some()
        {
            answer.taken.insert(IdentifierKind::Username);
        }
        answer.session = answer.owner.and_then(|user| self.session_of(user, client?));
        if let Some(id) = answer.owner
            && let Some(user) = store.user(id).await?
        {
            let proves = answer.links.as_ref().map(EmailAddress::identifier);
            answer.second_factor = sign_in::second_factor_need(&user, proves.as_ref(), &self.settings());
            answer.has_second_factor = user.has_second_factor();
        }
        if let Some(user) = answer.owner
            && let Err(refused) = self.admit_user(user, None, false).await?
        {
            answer.outcome = Err(refused.code);
        }
        Ok(answer)
    }

    /// The user's own spelling of `email`, if an account whose provider verified `email` may be linked to that user: only
    /// if the user has verified the address too, and has no other account at this provider
    /// ([guide: Takeover by an unverified address](crate::guide::security#takeover-by-an-unverified-address)). Where
    /// the user never verified it, this is the first proof, which removes all earlier provider accounts.
    async fn linkable(
        &self,
        user: UserId,
        provider: &str,
        email: &EmailAddress,
    ) -> Result<Option<EmailAddress>, EngineError> {
        let Some(user) = self.inner.store().user(user).await? else { return Ok(None) };
        let own = user.address_like(&email.identifier(), self.settings().ignores_dots());
        let known = user.email_addresses.iter().find(|known| own.as_ref() == Some(&known.value.identifier()));
        let may_link = |known: &&Identification<EmailAddress>| {
            (known.verified_by.is_none() && !known.reserved)
                || user.external_accounts.iter().all(|account| account.provider != provider)
        };
        Ok(known.filter(may_link).map(|known| known.value.clone()))
    }

    /// The source of a sign-in attempt: an IPv4 /24 or an IPv6 /48, because one person rarely has several of them.
    pub(in crate::engine) fn mark(&self, context: &RequestContext) -> Option<SourceMark> {
        let network = match context.address?.to_canonical() {
            IpAddr::V4(address) => address.octets()[..3].to_vec(),
            IpAddr::V6(address) => address.octets()[..6].to_vec(),
        };
        let digest = self.inner.actor_context.decide(|cx| cx.digest.digest(&[b"source of tries", &network]));
        digest.first_chunk().copied()
    }

    /// Whether a user may sign in: the backend has not banned or locked it, and the restrictions admit it. With `entry`
    /// also whether this proof is good enough, and so is a password that is the first of two proofs (`by_password`).
    pub(in crate::engine) async fn admit_user(
        &self,
        user: UserId,
        entry: Option<&Entry>,
        by_password: bool,
    ) -> Result<Result<(), Reason>, EngineError> {
        let restrictions = &self.settings().restrictions;
        let Some(user) = self.inner.store().user(user).await? else { return Ok(Ok(())) };
        let admitted = match entry {
            Some(entry) => user.admits_entry(entry),
            None => user.check_may_sign_in(self.now()),
        };
        let admitted = if by_password { admitted.and(user.admits_password()) } else { admitted };
        let listed = if restrictions.count_at_sign_in() { restrictions.admit_user(&user) } else { Ok(()) };
        Ok(admitted.and(listed))
    }

    /// The user who owns an identifier. Under enumeration protection an unknown identifier causes as many reads as a
    /// known one.
    pub(in crate::engine) async fn holder_of(&self, identifier: &Identifier) -> Result<Option<UserId>, EngineError> {
        let owner = self.owner_of(identifier).await?;
        if owner.is_none() && self.settings().hides_existence(identifier.kind) {
            self.dummy_lookup().await?;
        }
        Ok(owner)
    }

    /// The user who owns an identifier, or where dots are ignored the same mailbox in another spelling.
    pub(in crate::engine) async fn owner_of(&self, identifier: &Identifier) -> Result<Option<UserId>, EngineError> {
        let store = self.inner.store();
        let owner = store.owner(identifier).await?;
        let mailbox = identifier.gmail_mailbox().filter(|_| owner.is_none() && self.settings().ignores_dots());
        let Some(mailbox) = mailbox else { return Ok(owner) };
        let plain = Identifier { kind: identifier.kind, value: mailbox };
        match store.owner(&plain).await? {
            Some(owner) => Ok(Some(owner)),
            None => Ok(store.holder_of_mailbox(&plain.value).await?),
        }
    }

    /// Reads a user that does not exist, to equalise timing.
    pub(in crate::engine) async fn dummy_lookup(&self) -> Result<(), EngineError> {
        let found = self.inner.store().user(UserId::from_bytes([0; 16])).await?;
        debug_assert!(found.is_none(), "ids hold the time they were made at");
        Ok(())
    }

    pub(in crate::engine) fn session_of(&self, user: UserId, client: &Client) -> Option<SessionId> {
        client.live_sessions(self.now()).find(|session| session.user_id == user).map(|session| session.id)
    }
}

//! Who makes a call, and from where.

use std::net::IpAddr;
use std::sync::Arc;

use crate::actors::Terms;
use crate::domain::client::{Client, ClientChange, ClientConflict};
use crate::domain::event::EndUser;
use crate::domain::id::ClientId;
use crate::domain::secret::Secret;
use crate::domain::time::Span;
use crate::store::{ClientWrite, Commit, CommitError, Decision};
use crate::token::{PresentedToken, TokenCarrier};

use super::{ClientView, Engine, EngineError};

/// Who makes a call: a client, or an anonymous caller. It holds the client as it was when its token was presented;
/// every answer reads the current state again.
#[derive(Clone, Debug, Default)]
pub struct Caller(Credentials);

#[derive(Clone, Debug, Default)]
enum Credentials {
    #[default]
    Anonymous,
    /// Presented the current token of this client.
    Client(Known),
    /// Presented a token that was replaced within the last minute: valid only for asking for the completing answer
    /// again ([guide: Replaced tokens](crate::guide::contract#replaced-tokens)).
    Replaced(Replaced),
}

/// A client that presented the token before its current one.
#[derive(Clone, Debug)]
struct Replaced {
    client: Arc<Client>,
    /// The generation of the presented token.
    generation: u32,
    /// Whether it was replaced so recently that the new token may still be on its way.
    just_now: bool,
}

/// A client that presented its current token.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The client at the time of the request.
    pub(super) client: Arc<Client>,
    /// Whether the client is stored. A new client exists only in its token until something is written for it.
    pub(super) is_stored: bool,
    /// A token that the client has not received yet; the answer to this call must bring it.
    pub(super) new_token: Option<Secret<String>>,
}

/// Facts about the request behind a call.
#[derive(Clone, Debug, Default)]
pub struct RequestContext {
    /// The page's origin, which becomes the `azp` of session tokens.
    pub origin: Option<String>,
    /// How the browser will present its token when it returns from a redirect.
    pub carrier: TokenCarrier,
    /// Whether answers carry a new token of the last active session, as Clerk's clients expect. The signature is the
    /// most expensive part of an answer; without this, [`Sessions::token`](crate::engine::Sessions::token) makes one on request.
    pub tokens: bool,
    /// The testing token, which lets the application's own tests pass without a captcha.
    pub testing_token: Option<String>,
    /// The source address, for quotas, captcha services and events.
    pub address: Option<IpAddr>,
    /// The `User-Agent` of the request, for events.
    pub user_agent: Option<String>,
}

impl RequestContext {
    /// Whether the client uses a cookie, which a browser also sends when it follows a link.
    pub(super) fn in_cookie(&self) -> bool {
        self.carrier == TokenCarrier::Cookie
    }

    /// Whether the caller keeps its token itself and sends it in `Authorization`. A browser does not: a page can be made to
    /// send the secret of another person's flow, and the answer must not replace the browser's client by that person's.
    pub(super) fn in_application(&self) -> bool {
        self.carrier == TokenCarrier::Header
    }

    /// The request, for the events of a commit; `None` where nothing is known of it.
    pub(super) fn end_user(&self) -> Option<Box<EndUser>> {
        let is_known = self.address.is_some() || self.user_agent.is_some();
        is_known.then(|| Box::new(EndUser::new(self.address, self.user_agent.as_deref())))
    }

    /// The terms of a call on a sign-up, with these conditions of the caller's token.
    pub(super) fn with(&self, changes: Vec<ClientChange>) -> Terms {
        Terms { changes, end_user: self.end_user() }
    }
}

impl Caller {
    /// A caller without a client.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// The calling client, as it was when it presented its token.
    pub fn client(&self) -> Option<&Arc<Client>> {
        self.known().map(|known| &known.client)
    }

    /// Whether the presented token was replaced a moment ago, so that the new one may be on its way. Answering such a
    /// call as anonymous could overwrite the new token with another client or cookie.
    pub const fn was_replaced(&self) -> bool {
        matches!(&self.0, Credentials::Replaced(replaced) if replaced.just_now)
    }

    /// The token that the caller must keep from now on, where it was owed one and gets it by presenting the old one.
    pub fn new_token(&self) -> Option<&Secret<String>> {
        self.known().and_then(|known| known.new_token.as_ref())
    }

    /// The same caller after a call whose answer is `view`, with the token that it brings.
    pub(super) fn after(&self, view: &ClientView) -> Self {
        let new_token = view.new_token.clone().or_else(|| self.new_token().cloned());
        Self(Credentials::Client(Known { client: view.client.clone(), is_stored: true, new_token }))
    }

    pub(super) const fn known(&self) -> Option<&Known> {
        match &self.0 {
            Credentials::Client(known) => Some(known),
            Credentials::Anonymous | Credentials::Replaced(_) => None,
        }
    }

    /// Whether the caller's client is stored.
    pub(super) fn is_stored(&self) -> bool {
        self.known().is_some_and(|known| known.is_stored)
    }

    /// Whether the client was made for this call, so that no other call can have its token.
    pub(super) fn is_new(&self) -> bool {
        self.known().is_some_and(|known| !known.is_stored && known.new_token.is_some())
    }

    pub(super) fn client_id(&self) -> Option<ClientId> {
        self.known().map(|known| known.client.id)
    }

    /// The client that may ask for the completing answer again, and the generation of its token.
    pub(super) fn replaced(&self) -> Option<(ClientId, u32)> {
        match &self.0 {
            Credentials::Replaced(replaced) => Some((replaced.client.id, replaced.generation)),
            Credentials::Anonymous | Credentials::Client(_) => None,
        }
    }

    /// The client of the presented token, and that token's generation: the current or the previous one.
    pub(super) fn presented(&self) -> Option<(ClientId, u32)> {
        let known = self.known().map(|known| (known.client.id, known.client.generation));
        known.or_else(|| self.replaced())
    }

    /// The conditions of every commit for this caller: it stores the client if that is new, and it is refused if the
    /// presented token is no longer the current one.
    pub(super) fn terms(&self) -> Vec<ClientChange> {
        let Some(known) = self.known() else { return Vec::new() };
        let open = (!known.is_stored).then_some(ClientChange::Open { salt: known.client.salt.clone() });
        open.into_iter().chain([ClientChange::RequireToken(known.client.generation)]).collect()
    }
}

impl Engine {
    /// Finds the client of a token. Unknown, damaged and outdated tokens give an anonymous caller. Where the client is
    /// owed a new token, [`Caller::new_token`] has it and must be delivered; [`ClientView::new_token`] shows it too.
    ///
    /// # Errors
    /// [`EngineError::Overloaded`], and when the store can't be read or the owed token can't be handed out.
    ///
    /// [`ClientView::new_token`]: super::ClientView::new_token
    pub async fn identify(&self, token: Option<&str>) -> Result<Caller, EngineError> {
        self.identify_among(token).await
    }

    /// The same for a request with several tokens: invalid ones are ignored; of several tokens of one client, the
    /// current one counts, or the one to which a new token is owed.
    ///
    /// # Errors
    /// [`EngineError::SeveralClients`] where they belong to different clients: one of them was planted, and it can't be
    /// known which; and as [`Engine::identify`].
    pub async fn identify_among<'a>(&self, tokens: impl IntoIterator<Item = &'a str>) -> Result<Caller, EngineError> {
        self.admitted(async {
            let mut found: Option<(Known, Vec<u32>)> = None;
            for (n, presented) in tokens.into_iter().filter_map(crate::token::parse_client_token).enumerate() {
                if n == TOKENS_MAX {
                    return Err(EngineError::SeveralClients);
                }
                let Some(known) = self.holder_of_token(&presented).await? else { continue };
                match &mut found {
                    Some((other, _)) if other.client.id != known.client.id => return Err(EngineError::SeveralClients),
                    Some((_, generations)) => generations.push(presented.generation),
                    None => found = Some((known, vec![presented.generation])),
                }
            }
            let Some((known, generations)) = found else { return Ok(Caller::anonymous()) };
            let (current, owed_to) = (known.client.generation, known.client.owed_to);
            let best = [Some(current), owed_to, generations.iter().max().copied()];
            let best = best.into_iter().flatten().find(|generation| generations.contains(generation));
            self.credentials_of(known, best.unwrap_or_default()).await.map(Caller)
        })
        .await
    }

    /// The stored client whose current token this is, for the application's backend; `None` for anything else than the
    /// current token of a client. Unlike [`identify`](Self::identify), it hands out no token that the client is owed.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for a client that is not stored yet, or not any more.
    #[cfg(feature = "server")]
    pub(crate) async fn client_of_token(&self, token: &str) -> Result<Option<Arc<Client>>, EngineError> {
        self.admitted(async {
            let Some(presented) = crate::token::parse_client_token(token) else { return Ok(None) };
            let Some(known) = self.holder_of_token(&presented).await? else { return Ok(None) };
            let is_current = presented.generation == known.client.generation && known.client.owed_to.is_none();
            match (is_current, known.is_stored) {
                (false, _) => Ok(None),
                (true, true) => Ok(Some(known.client)),
                (true, false) => Err(EngineError::NotFound),
            }
        })
        .await
    }

    /// The caller's valid token from now on, where `token` is one that the same client had or has; `None` for others.
    #[cfg(feature = "server")]
    pub(crate) fn successor(&self, token: &str, caller: &Caller) -> Option<Secret<String>> {
        let presented = crate::token::parse_client_token(token)?;
        let client = caller.client().filter(|client| client.id == presented.client_id)?;
        self.inner.key.verify(&presented, client.salt.expose()).then(|| self.token_of(client))
    }

    /// The holder of the token of a client, for a caller who has proved to be the one in another way. The answer must bring
    /// the token.
    pub(super) async fn holder(&self, id: ClientId) -> Result<Caller, EngineError> {
        let client = self.inner.store().client(id).await?.ok_or(EngineError::NotFound)?;
        let new_token = Some(self.token_of(&client));
        Ok(Caller(Credentials::Client(Known { client, is_stored: true, new_token })))
    }

    /// A new client. It exists only in its token until something is written for it.
    pub(super) fn newcomer(&self) -> Caller {
        let (id, now) = self.inner.actor_context.decide(|cx| (ClientId::generate(cx.now, cx.entropy), cx.now));
        let client = Client::open(id, Secret::new(self.inner.key.client_salt(id)), now);
        let new_token = Some(self.token_of(&client));
        Caller(Credentials::Client(Known { client: Arc::new(client), is_stored: false, new_token }))
    }

    /// The caller's valid token from now on, whether or not the caller has it already.
    pub fn current_token(&self, caller: &Caller) -> Option<Secret<String>> {
        caller.client().map(|client| self.token_of(client))
    }

    /// The caller, or a new client for an anonymous one.
    ///
    /// # Errors
    /// [`EngineError::TokenReplaced`] where the presented token was replaced a moment ago: a new client would overwrite
    /// the one that the browser is about to receive.
    pub(super) fn or_newcomer(&self, caller: &Caller) -> Result<Caller, EngineError> {
        match &caller.0 {
            Credentials::Client(_) => Ok(caller.clone()),
            Credentials::Replaced(replaced) if replaced.just_now => Err(EngineError::TokenReplaced),
            Credentials::Anonymous | Credentials::Replaced(_) => Ok(self.newcomer()),
        }
    }

    /// The caller; one without a client gets a new client that is not stored yet. A refused call may store it all the
    /// same ([`Engine::is_stored`]); then the error answer must bring its token.
    pub fn or_opened(&self, caller: &Caller) -> Caller {
        match &caller.0 {
            Credentials::Anonymous => self.newcomer(),
            Credentials::Client(_) | Credentials::Replaced(_) => caller.clone(),
        }
    }

    /// Whether the caller's client is stored by now.
    ///
    /// # Errors
    /// [`EngineError::Overloaded`], and when the store can't be read.
    pub async fn is_stored(&self, caller: &Caller) -> Result<bool, EngineError> {
        self.admitted(async {
            match caller.client_id() {
                Some(id) => Ok(self.inner.store().client(id).await?.is_some()),
                None => Ok(false),
            }
        })
        .await
    }

    /// The current token of a client.
    pub(super) fn token_of(&self, client: &Client) -> Secret<String> {
        self.inner.key.client_token(client.id, client.generation, client.salt.expose())
    }

    /// The client that a token was really issued to, whether or not the token is current.
    async fn holder_of_token(&self, presented: &PresentedToken) -> Result<Option<Known>, EngineError> {
        let (id, key) = (presented.client_id, &self.inner.key);
        if let Some(client) = self.inner.store().client(id).await? {
            let is_genuine = key.verify(presented, client.salt.expose());
            return Ok(is_genuine.then_some(Known { client, is_stored: true, new_token: None }));
        }
        // Client records are kept longer than this after their last use. So a client that is younger and has no record
        // was never stored.
        let is_young = self.now() < id.made_at() + self.inner.actor_context.policy.keep_client;
        let salt = key.client_salt(id);
        let is_genuine = is_young && presented.generation == 0 && key.verify(presented, &salt);
        let client = || Arc::new(Client::open(id, Secret::new(salt), id.made_at()));
        Ok(is_genuine.then(|| Known { client: client(), is_stored: false, new_token: None }))
    }

    /// The credentials that a token of this generation gives.
    async fn credentials_of(&self, known: Known, generation: u32) -> Result<Credentials, EngineError> {
        let client = known.client.clone();
        if generation == client.generation {
            return Ok(Credentials::Client(known));
        }
        let replaced = |client: Arc<Client>| {
            let now = self.now();
            let just_now = now.since(client.rotated_at) <= OVERLAP;
            match client.accepts_replay(generation, now) {
                true => Credentials::Replaced(Replaced { client, generation, just_now }),
                false => Credentials::Anonymous,
            }
        };
        if client.owed_to != Some(generation) {
            return Ok(replaced(client));
        }
        let write = ClientWrite { id: client.id, changes: vec![ClientChange::Collect(generation)] };
        let commit = Commit::of_decision(self.now(), Decision { client: Some(write), ..Decision::default() });
        match self.inner.system.persister().commit(commit).await {
            Ok(committed) => {
                let client = committed.client.ok_or(EngineError::Internal)?;
                let new_token = Some(self.token_of(&client));
                Ok(Credentials::Client(Known { client, is_stored: true, new_token }))
            }
            // Another request with the same token was first.
            Err(CommitError::Client(ClientConflict::TokenReplaced)) => {
                let client = self.inner.store().client(client.id).await?;
                Ok(client.map_or(Credentials::Anonymous, replaced))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// How long after a token rotation requests with the old token may still arrive from a client that will receive the new
/// one: those that it had sent before. Later ones come from a client that lost the answer, and refusing them would lock
/// it out.
const OVERLAP: Span = Span::from_secs(10);
/// How many tokens of one request are checked: more than any browser sends by accident.
const TOKENS_MAX: usize = 16;

//! Who calls, and from where.

use std::net::IpAddr;
use std::sync::Arc;

use crate::domain::client::{Client, ClientChange, ClientConflict};
use crate::domain::id::ClientId;
use crate::domain::secret::Secret;
use crate::domain::time::Span;
use crate::store::{ClientWrite, Commit, CommitError};
use crate::token::{PresentedToken, TokenCarrier};

use super::{Engine, EngineError};

/// Who calls: a client, or nobody. A client is known as it was when its token was presented; what has become of it
/// since is looked at anew for every answer.
#[derive(Clone, Debug, Default)]
pub struct Caller(Credentials);

#[derive(Clone, Debug, Default)]
enum Credentials {
    #[default]
    Anonymous,
    /// Presented the current token of this client.
    Client(Known),
    /// Presented a token that was replaced within the last minute: good for asking for the completing answer again and
    /// for nothing else ([guide: Replaced tokens](crate::guide::contract#replaced-tokens)).
    Replaced(Replaced),
}

/// A client that presented the token before its current one.
#[derive(Clone, Debug)]
struct Replaced {
    client: Arc<Client>,
    /// Which token it presented.
    generation: u32,
    /// Whether that was replaced so lately that the new one may still be on its way.
    just_now: bool,
}

/// A client that presented its current token.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The client at that moment.
    pub(super) client: Arc<Client>,
    /// Whether the store has it. A client that nothing was written for is no more than its token.
    pub(super) is_stored: bool,
    /// A token that it has not heard of yet, and is told in the answer to this call.
    pub(super) new_token: Option<Secret<String>>,
}

/// What a call knows of where it came from.
#[derive(Clone, Debug, Default)]
pub struct RequestContext {
    /// The origin, which becomes the `azp` of session tokens.
    pub origin: Option<String>,
    /// How a browser that is sent elsewhere is known when it comes back.
    pub carrier: TokenCarrier,
    /// Whether answers carry a fresh token of the last active session, as Clerk's clients expect. A signature is the
    /// dearest part of an answer; without this, [`Engine::session_token`] makes one when it is needed.
    pub tokens: bool,
    /// What an application's own tests show to pass where people meet a captcha.
    pub testing_token: Option<String>,
    /// The address it came from, for limits and captcha services.
    pub address: Option<IpAddr>,
}

impl RequestContext {
    /// Whether the client is known by a cookie, which a browser also sends when it follows a link.
    pub(super) fn in_cookie(&self) -> bool {
        self.carrier == TokenCarrier::Cookie
    }
}

impl Caller {
    /// Somebody without a client.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// The client that calls, as it was when it presented its token.
    pub fn client(&self) -> Option<&Arc<Client>> {
        self.known().map(|known| &known.client)
    }

    /// Whether the token presented was replaced a moment ago: the new one may be on its way. Whoever answers such a
    /// call as nobody's could take that one away again, with a client or a cookie of its own.
    pub const fn was_replaced(&self) -> bool {
        matches!(&self.0, Credentials::Replaced(replaced) if replaced.just_now)
    }

    /// The token to keep from now on, where presenting the old one was enough to be given it: it was owed.
    pub fn new_token(&self) -> Option<&Secret<String>> {
        self.known().and_then(|known| known.new_token.as_ref())
    }

    pub(super) const fn known(&self) -> Option<&Known> {
        match &self.0 {
            Credentials::Client(known) => Some(known),
            Credentials::Anonymous | Credentials::Replaced(_) => None,
        }
    }

    /// Whether the store has its client.
    pub(super) fn is_stored(&self) -> bool {
        self.known().is_some_and(|known| known.is_stored)
    }

    /// Whether its client was made for this very call, so that no other call has its token.
    pub(super) fn is_new(&self) -> bool {
        self.known().is_some_and(|known| !known.is_stored && known.new_token.is_some())
    }

    pub(super) fn client_id(&self) -> Option<ClientId> {
        self.known().map(|known| known.client.id)
    }

    /// The client that may ask for the completing answer again, and the generation whose token it has.
    pub(super) fn replaced(&self) -> Option<(ClientId, u32)> {
        match &self.0 {
            Credentials::Replaced(replaced) => Some((replaced.client.id, replaced.generation)),
            Credentials::Anonymous | Credentials::Client(_) => None,
        }
    }

    /// The client whose token was presented, and its generation, be it the current one or the one before.
    pub(super) fn presented(&self) -> Option<(ClientId, u32)> {
        let known = self.known().map(|known| (known.client.id, known.client.generation));
        known.or_else(|| self.replaced())
    }

    /// What every commit on the caller's behalf begins with: it opens the client where that is not stored yet, and it
    /// is refused where the token that was presented is not the current one any more.
    pub(super) fn terms(&self) -> Vec<ClientChange> {
        let Some(known) = self.known() else { return Vec::new() };
        let open = (!known.is_stored).then_some(ClientChange::Open { salt: known.client.salt });
        open.into_iter().chain([ClientChange::RequireToken(known.client.generation)]).collect()
    }
}

impl Engine {
    /// Finds out who presents a client token. Unknown, damaged and outdated tokens are nobody's. A client that is owed
    /// a token is given it: [`Caller::new_token`] must reach it then, and [`ClientView::new_token`] shows it too.
    ///
    /// # Errors
    /// [`EngineError::Overloaded`], and when the store can't be read, or what is owed can't be handed out.
    ///
    /// [`ClientView::new_token`]: super::ClientView::new_token
    pub async fn identify(&self, token: Option<&str>) -> Result<Caller, EngineError> {
        self.identify_among(token).await
    }

    /// The same where several tokens may have come along: those that are nobody's do not count, and of one client's
    /// the one that is current, or that a new one is owed to, does.
    ///
    /// # Errors
    /// [`EngineError::SeveralClients`] where they are of different clients: one of them was planted, and nobody can
    /// tell which; and as [`Engine::identify`].
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

    /// A client that is not stored before something is written for it: no more than its token.
    pub(super) fn newcomer(&self) -> Caller {
        let (id, now) = self.inner.actor_context.decide(|cx| (ClientId::generate(cx.now, cx.entropy), cx.now));
        let client = Client::open(id, self.inner.key.client_salt(id), now);
        let new_token = Some(self.token_of(&client));
        Caller(Credentials::Client(Known { client: Arc::new(client), is_stored: false, new_token }))
    }

    /// The token that is the caller's from now on, whether or not it is news.
    pub fn current_token(&self, caller: &Caller) -> Option<Secret<String>> {
        caller.client().map(|client| self.token_of(client))
    }

    /// The caller, or a newcomer in the place of nobody.
    ///
    /// # Errors
    /// [`EngineError::TokenReplaced`] for whoever presented a token that was replaced a moment ago: a client of its own
    /// would take the place of the one that the browser is just being given.
    pub(super) fn or_newcomer(&self, caller: &Caller) -> Result<Caller, EngineError> {
        match &caller.0 {
            Credentials::Client(_) => Ok(caller.clone()),
            Credentials::Replaced(replaced) if replaced.just_now => Err(EngineError::TokenReplaced),
            Credentials::Anonymous | Credentials::Replaced(_) => Ok(self.newcomer()),
        }
    }

    /// The caller; one without a client gets a new client that is not stored yet. Where a refused call has stored it all
    /// the same ([`Engine::is_stored`]), the error answer must bring its token.
    pub fn or_opened(&self, caller: &Caller) -> Caller {
        match &caller.0 {
            Credentials::Anonymous => self.newcomer(),
            Credentials::Client(_) | Credentials::Replaced(_) => caller.clone(),
        }
    }

    /// Whether the store has the caller's client by now.
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
        self.inner.key.client_token(client.id, client.generation, &client.salt)
    }

    /// The client that a token is genuinely one of, current or not.
    async fn holder_of_token(&self, presented: &PresentedToken) -> Result<Option<Known>, EngineError> {
        let (id, key) = (presented.client_id, &self.inner.key);
        if let Some(client) = self.inner.store().client(id).await? {
            let is_genuine = key.verify(presented, &client.salt);
            return Ok(is_genuine.then_some(Known { client, is_stored: true, new_token: None }));
        }
        // A record is kept longer than this after its last use: what is younger and not there never was.
        let is_young = self.now() < id.made_at() + self.inner.actor_context.policy.keep_client;
        let salt = key.client_salt(id);
        let is_genuine = is_young && presented.generation == 0 && key.verify(presented, &salt);
        let client = || Arc::new(Client::open(id, salt, id.made_at()));
        Ok(is_genuine.then(|| Known { client: client(), is_stored: false, new_token: None }))
    }

    /// What presenting the token of a generation makes of somebody.
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
        let commit = Commit { at: self.now(), client: Some(write), ..Commit::default() };
        match self.inner.system.persister().commit(commit).await {
            Ok(committed) => {
                let client = committed.client.ok_or(EngineError::Internal)?;
                let new_token = Some(self.token_of(&client));
                Ok(Credentials::Client(Known { client, is_stored: true, new_token }))
            }
            // Somebody else came first with the same token.
            Err(CommitError::Client(ClientConflict::TokenReplaced)) => {
                let client = self.inner.store().client(client.id).await?;
                Ok(client.map_or(Credentials::Anonymous, replaced))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// For how long requests with a token that was replaced can still arrive from a client that will hear of it: those
/// that it sent before. Later ones come from somebody who lost the answer, and who would be held up by being sent
/// away.
const OVERLAP: Span = Span::from_secs(10);
/// How many tokens of one request are looked at: more than any browser has by accident.
const TOKENS_MAX: usize = 16;

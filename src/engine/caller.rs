//! Who calls, and from where.

use std::net::IpAddr;
use std::sync::Arc;

use crate::domain::client::Client;
use crate::domain::id::ClientId;
use crate::token::Gate;

use super::{Engine, EngineError};

/// Who calls: a client, or nobody.
#[derive(Clone, Debug, Default)]
pub struct Caller(Standing);

#[derive(Clone, Debug, Default)]
enum Standing {
    #[default]
    Nobody,
    /// Presented the current token of this client.
    Client(Arc<Client>),
    /// Presented the token that the completing answer replaced a moment ago: good for asking for that answer again
    /// and for nothing else (DESIGN 7).
    Replay(Arc<Client>),
}

/// What a call knows of where it came from.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The origin, which becomes the `azp` of session tokens.
    pub origin: Option<String>,
    /// How a browser that is sent elsewhere is known when it comes back.
    pub gate: Gate,
    /// Whether answers carry a fresh token of the last active session, as Clerk's clients expect. A signature is the
    /// dearest part of an answer; without this, [`Engine::session_token`] makes one when it is needed.
    pub tokens: bool,
    /// What an application's own tests show to pass where people meet a captcha.
    pub testing_token: Option<String>,
    /// The address it came from, for limits and captcha services.
    pub address: Option<IpAddr>,
}

impl Source {
    /// Whether the client is known by a cookie, which a browser also sends when it follows a link.
    pub(super) fn in_cookie(&self) -> bool {
        self.gate == Gate::Client
    }
}

impl Caller {
    /// Somebody without a client.
    pub fn nobody() -> Self {
        Self::default()
    }

    /// The client itself, for what its own sign-up asks on its behalf.
    pub(super) const fn of(client: Arc<Client>) -> Self {
        Self(Standing::Client(client))
    }

    /// The client that calls.
    pub const fn client(&self) -> Option<&Arc<Client>> {
        match &self.0 {
            Standing::Client(client) => Some(client),
            Standing::Nobody | Standing::Replay(_) => None,
        }
    }

    /// Whether the token presented was replaced a moment ago: the new one may be on its way.
    pub const fn was_replaced(&self) -> bool {
        matches!(self.0, Standing::Replay(_))
    }

    pub(super) fn client_id(&self) -> Option<ClientId> {
        self.client().map(|c| c.id)
    }

    /// The client that may ask for the completing answer again.
    pub(super) fn replaying(&self) -> Option<ClientId> {
        match &self.0 {
            Standing::Replay(client) => Some(client.id),
            Standing::Nobody | Standing::Client(_) => None,
        }
    }
}

impl Engine {
    /// Finds out who presents a client token. Unknown, damaged and outdated tokens are nobody's.
    ///
    /// # Errors
    /// Only when the store can't be read.
    pub async fn identify(&self, token: Option<&str>) -> Result<Caller, EngineError> {
        let Some(presented) = token.and_then(crate::token::parse_client_token) else {
            return Ok(Caller::nobody());
        };
        let Some(client) = self.inner.store().client(presented.client_id).await? else {
            return Ok(Caller::nobody());
        };
        if !self.inner.key.verify(&presented, &client.salt) {
            return Ok(Caller::nobody());
        }
        Ok(Caller(if presented.generation == client.generation {
            Standing::Client(client)
        } else if client.accepts_replay(presented.generation, self.now()) {
            Standing::Replay(client)
        } else {
            Standing::Nobody
        }))
    }
}

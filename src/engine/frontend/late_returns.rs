//! Returns from a provider that match no pending authorization request: the page was reloaded, it was too late, or it
//! was another browser. Nothing changes, but the person still gets a page to go to.

use std::sync::Arc;

use crate::domain::client::Client;
use crate::domain::redirect::RedirectUrl;
use crate::domain::sign_up::Phase;
use crate::token::{FlowId, OAuthState, RedirectTargets};

use crate::engine::{CallbackRedirect, Caller, Engine, EngineError};

impl Engine {
    /// Where a late return goes: the client that started the authorization request goes to where its result led, all
    /// others to the page where it started. The URLs come from the state parameter, or from what is still stored about
    /// the request.
    pub(in crate::engine) async fn late(
        &self,
        caller: &Caller,
        trip: &OAuthState,
        places: Option<RedirectTargets>,
    ) -> Result<Option<CallbackRedirect>, EngineError> {
        let owner = caller.client().filter(|client| client.id == trip.client);
        let is_live = |client: &Arc<Client>| client.live_sessions(self.now()).next().is_some();
        let (account, has_session) = match trip.of {
            FlowId::SignUp(id) => {
                let found = self.inner.store().sign_up(id).await?.filter(|found| found.client_id == trip.client);
                let has_session = owner.is_some_and(|client| match found.as_ref().map(|found| found.phase) {
                    Some(Phase::Complete { session_id, .. }) => client.live_session(session_id, self.now()).is_some(),
                    Some(Phase::Open) => false,
                    None => is_live(client),
                });
                (found.and_then(|found| found.external_account.clone()), has_session)
            }
            // The state parameter has the page to go to.
            FlowId::Account(_) => (None, owner.is_some_and(is_live)),
            FlowId::SignIn(id) => {
                let client = self.inner.store().client(trip.client).await?;
                let found = client.as_deref().and_then(|client| client.sign_in.as_deref()).filter(|s| s.id == id);
                // A client does not keep a sign-in that became a session.
                (found.and_then(|found| found.external.clone()), found.is_none() && owner.is_some_and(is_live))
            }
        };
        let by_owner = owner.is_some();
        let has_session = by_owner && has_session;
        // The URLs in the state parameter are sealed, so they are the ones that were allowed when the request began.
        let sealed = places.map(|places| Some(RedirectUrl::restored(places.destination(has_session).to_owned())));
        let known = || account.map(|account| account.destination(has_session).cloned());
        Ok(sealed.or_else(known).map(|url| CallbackRedirect {
            url: url.and_then(|url| self.still_allowed(url)),
            native_handoff: None,
            client: None,
            is_late: true,
            by_owner,
        }))
    }
}

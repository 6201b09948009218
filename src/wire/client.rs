//! The Client ([guide: The Client object](crate::guide::contract#the-client-object)), with everything that it includes.

#[cfg(feature = "server")]
use std::sync::Arc;

use serde::Serialize;
#[cfg(feature = "server")]
use serde_json::value::RawValue;

use crate::domain::id::{ClientId, SessionId};
use crate::domain::time::Timestamp;
use crate::domain::verification::Strategy;
use crate::engine::ClientView;
#[cfg(feature = "server")]
use crate::engine::SignUpView;

#[cfg(feature = "server")]
use super::UserResource;
use super::{AsDisplay, SessionResource, Shown, SignInResource, SignUpResource};

/// A client on the wire.
#[derive(Debug, Serialize)]
pub(crate) struct ClientResource<'a> {
    object: &'static str,
    id: AsDisplay<ClientId>,
    sessions: Vec<SessionResource<'a>>,
    sign_in: Option<SignInResource<'a>>,
    sign_up: Option<Shown<'a, SignUpResource<'a>>>,
    last_active_session_id: Option<AsDisplay<SessionId>>,
    last_authentication_strategy: Option<AsDisplay<&'a Strategy>>,
    cookie_expires_at: (),
    captcha_bypass: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[cfg(feature = "server")]
impl<'a> ClientResource<'a> {
    /// The client beside a sign-up of which `rendered` was made. Most answers to calls of a sign-up show it twice: by
    /// itself and in its client.
    pub(crate) fn beside(view: &'a ClientView, sign_up: &SignUpView, rendered: &'a RawValue) -> Self {
        let is_same = |own: &SignUpView| {
            Arc::ptr_eq(&own.value, &sign_up.value) && (own.now, own.status) == (sign_up.now, sign_up.status)
        };
        let mut client = Self::from(view);
        if view.sign_up.as_ref().is_some_and(is_same) {
            client.sign_up = Some(Shown::Rendered(rendered));
        }
        client
    }

    /// The client beside a user of which `rendered` was made. Most answers to calls of the profile show it twice: by itself
    /// and in its session.
    pub(crate) fn beside_user(view: &'a ClientView, user: &UserResource<'_>, rendered: &'a RawValue) -> Self {
        let mut client = Self::from(view);
        client.sessions.iter_mut().for_each(|session| session.show_rendered(user, rendered));
        client
    }
}

impl<'a> From<&'a ClientView> for ClientResource<'a> {
    fn from(view: &'a ClientView) -> Self {
        let client = &*view.client;
        Self {
            object: "client",
            id: AsDisplay(client.id),
            sessions: view.sessions.iter().map(SessionResource::from).collect(),
            sign_in: view.sign_in.as_ref().map(SignInResource::from),
            sign_up: view.sign_up.as_ref().map(|view| Shown::Resource(view.into())),
            last_active_session_id: client.last_active_session_id.map(AsDisplay),
            last_authentication_strategy: client.last_authentication_strategy.as_ref().map(AsDisplay),
            cookie_expires_at: (),
            captcha_bypass: false,
            created_at: client.created_at,
            updated_at: client.updated_at,
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "server")]
    use serde_json::value::to_raw_value;
    use serde_json::{Value, json};

    use super::*;
    #[cfg(feature = "server")]
    use crate::domain::sign_up::Status;
    #[cfg(feature = "server")]
    use crate::domain::time::Span;
    use crate::wire::samples;

    #[test]
    fn a_fresh_client_carries_its_sign_up_whole() {
        let view = samples::client(Some(samples::sign_up()), Vec::new());
        let shown = serde_json::to_value(ClientResource::from(&view)).expect("JSON");
        assert_eq!(shown["object"], "client");
        assert_eq!(shown["id"], samples::CLIENT.to_string());
        assert_eq!(shown["sessions"], json!([]));
        assert_eq!(shown["sign_up"]["object"], "sign_up_attempt");
        for null in ["sign_in", "last_active_session_id", "cookie_expires_at"] {
            assert_eq!(shown.get(null), Some(&Value::Null), "{null}");
        }
    }

    #[cfg(feature = "server")]
    #[test]
    fn a_client_beside_its_sign_up_is_the_same_and_takes_no_other_one() {
        let view = samples::client(Some(samples::sign_up()), Vec::new());
        let own = view.sign_up.clone().expect("a sign-up");
        let mut other = own.clone();
        other.status = Status::Abandoned;
        let whole = serde_json::to_string(&view).expect("JSON");
        for sign_up in [own, other] {
            let rendered = to_raw_value(&sign_up).expect("JSON");
            let shown = ClientResource::beside(&view, &sign_up, &rendered);
            assert_eq!(serde_json::to_string(&shown).expect("JSON"), whole);
        }
    }

    #[cfg(feature = "server")]
    #[test]
    fn a_client_beside_its_user_is_the_same_and_takes_no_other_one() {
        let view = samples::client(None, vec![samples::session()]);
        let (user, at) = (samples::user(), samples::session().session.last_active_at);
        let whole = serde_json::to_value(&view).expect("JSON");
        for active_at in [at, at + Span::from_secs(1)] {
            let user = UserResource::of(&user, Some(active_at), samples::NOW);
            let rendered = to_raw_value("in its place").expect("JSON");
            let shown = serde_json::to_value(ClientResource::beside_user(&view, &user, &rendered)).expect("JSON");
            assert_eq!(shown["sessions"][0]["user"] == "in its place", active_at == at, "{active_at:?}");
            let rendered = to_raw_value(&user).expect("JSON");
            let shown = serde_json::to_value(ClientResource::beside_user(&view, &user, &rendered)).expect("JSON");
            assert_eq!(shown, whole, "{active_at:?}");
        }
    }

    #[test]
    fn a_signed_in_client_carries_a_usable_session() {
        let view = samples::client(None, vec![samples::session()]);
        let shown = serde_json::to_value(ClientResource::from(&view)).expect("JSON");
        let session = &shown["sessions"][0];
        assert_eq!(session["status"], "active");
        assert_eq!(session["last_active_token"], json!({"object": "token", "jwt": "a.b.c"}));
        assert_eq!(session["user"]["id"], samples::USER.to_string());
        assert_eq!(shown["sign_up"], Value::Null);
    }

    #[test]
    fn the_client_token_is_not_part_of_the_client() {
        let mut view = samples::client(None, Vec::new());
        view.new_token = Some(crate::domain::secret::Secret::new("hidden".into()));
        let shown = serde_json::to_string(&ClientResource::from(&view)).expect("JSON");
        assert!(!shown.contains("hidden"));
    }
}

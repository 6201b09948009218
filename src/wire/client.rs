//! The Client ([guide: The Client object](crate::guide::contract#the-client-object)), with everything that it includes.

use serde::Serialize;

use crate::domain::id::{ClientId, SessionId};
use crate::domain::time::Timestamp;
use crate::domain::verification::Strategy;
use crate::engine::ClientView;

use super::{AsDisplay, SessionResource, SignInResource, SignUpResource};

/// A client on the wire.
#[derive(Debug, Serialize)]
pub(crate) struct ClientResource<'a> {
    object: &'static str,
    id: AsDisplay<ClientId>,
    sessions: Vec<SessionResource<'a>>,
    sign_in: Option<SignInResource<'a>>,
    sign_up: Option<SignUpResource<'a>>,
    last_active_session_id: Option<AsDisplay<SessionId>>,
    last_authentication_strategy: Option<AsDisplay<&'a Strategy>>,
    cookie_expires_at: (),
    captcha_bypass: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a ClientView> for ClientResource<'a> {
    fn from(view: &'a ClientView) -> Self {
        let client = &*view.client;
        Self {
            object: "client",
            id: AsDisplay(client.id),
            sessions: view.sessions.iter().map(SessionResource::from).collect(),
            sign_in: view.sign_in.as_ref().map(SignInResource::from),
            sign_up: view.sign_up.as_ref().map(SignUpResource::from),
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
    use serde_json::{Value, json};

    use super::*;
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

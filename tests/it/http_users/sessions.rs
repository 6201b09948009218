//! Sessions as the application's backend sees them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{create, path_of, refused, session_of, sign_in, site, token, with};
use crate::support::browser::Browser;
use crate::support::schema::faults;

#[test]
fn sessions_are_listed_by_user_and_by_client() {
    let site = site();
    let ada = create(&site, "ada@example.com");
    let user = ada["id"].as_str().expect("an id");
    let mut browsers = [Browser::of(&site.server), Browser::of(&site.server)];
    let [first, second] = browsers.each_mut().map(|browser| {
        site.server.advance(1000);
        session_of(&sign_in(browser, "ada@example.com"))
    });
    let list = |query: &str| site.backend("GET", &format!("/v1/sessions?{query}"), &Value::Null);
    let page = list(&format!("user_id={user}&paginated=true")).json();
    assert_eq!(faults("backend_session_page", &page), [""; 0], "{page:#}");
    assert_eq!(page["total_count"], 2);
    assert_eq!((&page["data"][0]["id"], &page["data"][1]["id"]), (&json!(second), &json!(first)), "the newest first");
    let client = page["data"][0]["client_id"].as_str().expect("an id");
    let bare = list(&format!("client_id={client}")).json();
    assert_eq!((bare.as_array().map(Vec::len), &bare[0]["id"]), (Some(1), &json!(second)));
    assert_eq!(list(&format!("user_id={user}&limit=1&offset=1")).json()[0]["id"], first);
    assert_eq!(list(&format!("user_id={user}&status=revoked")).json(), json!([]));
    assert_eq!(list("user_id=nonsense&paginated=true").json(), json!({ "data": [], "total_count": 0 }));
    assert_eq!(refused(&list("")), with(422, "form_param_missing"));
    for query in ["status=sleepy", "limit=501"] {
        assert_eq!(refused(&list(&format!("user_id={user}&{query}"))), with(422, "form_param_value_invalid"));
    }
}

#[test]
fn a_revoked_session_is_over_and_still_shown() {
    let site = site();
    create(&site, "ada@example.com");
    let mut browser = Browser::of(&site.server);
    let signed_in = sign_in(&mut browser, "ada@example.com");
    let path = format!("/v1/sessions/{}", session_of(&signed_in));
    let shown = site.backend("GET", &path, &Value::Null).json();
    assert_eq!((&shown["object"], &shown["status"]), (&json!("session"), &json!("active")));
    assert_eq!((shown.get("user"), shown.get("last_active_token")), (None, None));
    let revoked = site.backend("POST", &format!("{path}/revoke"), &Value::Null).json();
    assert_eq!((faults("backend_session", &revoked), &revoked["status"]), (Vec::new(), &json!("revoked")));
    assert_eq!(token(&mut browser, &signed_in).status, 401);
    assert_eq!(site.backend("GET", &path, &Value::Null).json()["status"], "revoked");
    let refusal = site.backend("POST", &format!("{path}/tokens"), &Value::Null);
    assert_eq!(refused(&refusal), with(404, "resource_not_found"));
    let unknown = "/v1/sessions/sess_000000000000000000000000007";
    assert_eq!(
        refused(&site.backend("POST", &format!("{unknown}/revoke"), &Value::Null)),
        with(404, "resource_not_found")
    );
}

#[test]
fn a_token_of_a_session_has_the_lifetime_that_is_asked_for() {
    let site = site();
    create(&site, "ada@example.com");
    let session = session_of(&sign_in(&mut Browser::of(&site.server), "ada@example.com"));
    let make = |body: &Value| site.backend("POST", &format!("/v1/sessions/{session}/tokens"), body);
    for (body, lifetime) in [(json!({}), 60), (json!({ "expires_in_seconds": 3600 }), 3600)] {
        let made = make(&body).json();
        assert_eq!(faults("token", &made), [""; 0]);
        let claims = claims(made["jwt"].as_str().expect("a token"));
        assert_eq!(claims["sid"], session);
        let (iat, exp) = (claims["iat"].as_u64().expect("seconds"), claims["exp"].as_u64().expect("seconds"));
        assert_eq!(exp - iat, lifetime);
    }
    for seconds in [29, 315_360_001] {
        let refusal = make(&json!({ "expires_in_seconds": seconds }));
        assert_eq!(refused(&refusal), with(422, "form_param_value_invalid"), "{seconds}");
    }
    assert_eq!(refused(&make(&json!({ "expires_in_seconds": "60" }))), with(422, "form_param_type_invalid"));
}

#[test]
fn a_development_instance_makes_sessions_for_tests() {
    let site = site();
    let ada = create(&site, "ada@example.com");
    let make = |body: &Value| site.backend("POST", "/v1/sessions", body);
    let made = make(&json!({ "user_id": ada["id"] })).json();
    assert_eq!(faults("backend_session", &made), [""; 0], "{made:#}");
    assert_eq!((&made["user_id"], &made["status"]), (&ada["id"], &json!("active")));
    let path = format!("/v1/sessions/{}", made["id"].as_str().expect("an id"));
    assert_eq!(site.backend("GET", &path, &Value::Null).json(), made);
    assert_eq!(site.backend("POST", &format!("{path}/tokens"), &Value::Null).status, 200);
    assert_eq!(
        refused(&site.backend("POST", &format!("{path}/tokens/hasura"), &Value::Null)),
        with(404, "resource_not_found")
    );
    assert_eq!(refused(&make(&json!({}))), with(422, "form_param_missing"));
    for unknown in ["nonsense", "user_000000000000000000000000007"] {
        assert_eq!(refused(&make(&json!({ "user_id": unknown }))), with(404, "resource_not_found"));
    }
    site.backend("POST", &format!("{}/ban", path_of(&ada)), &Value::Null);
    assert_eq!(refused(&make(&json!({ "user_id": ada["id"] }))), with(403, "user_banned"));
    assert_eq!(site.backend("GET", &path, &Value::Null).json()["status"], "revoked");
}

#[test]
fn a_session_is_verified_by_its_own_token() {
    let site = site();
    create(&site, "ada@example.com");
    let signed_in = [(); 2].map(|()| session_of(&sign_in(&mut Browser::of(&site.server), "ada@example.com")));
    let [own, other] = signed_in.each_ref().map(|session| {
        let made = site.backend("POST", &format!("/v1/sessions/{session}/tokens"), &Value::Null).json();
        made["jwt"].as_str().expect("a token").to_owned()
    });
    let path = format!("/v1/sessions/{}", signed_in[0]);
    let verify = |token: &str| site.backend("POST", &format!("{path}/verify"), &json!({ "token": token }));
    assert_eq!(verify(&own).json(), site.backend("GET", &path, &Value::Null).json());
    for odd in [&*other, "nonsense", &own[..own.len() - 2]] {
        assert_eq!(refused(&verify(odd)), with(422, "form_param_value_invalid"));
    }
    assert_eq!(refused(&verify("")), with(422, "form_param_missing"));
    site.server.advance(60_000);
    assert_eq!(refused(&verify(&own)), with(422, "form_param_value_invalid"), "it has expired");
    let unknown = "/v1/sessions/sess_000000000000000000000000007/verify";
    assert_eq!(refused(&site.backend("POST", unknown, &json!({ "token": own }))), with(404, "resource_not_found"));
}

#[test]
fn a_client_is_verified_by_its_current_token() {
    let site = site();
    create(&site, "ada@example.com");
    let mut browser = Browser::of(&site.server);
    let before = {
        browser.post("/v1/client/sign_ins", "identifier=ada%40example.com");
        browser.cookie("__client").expect("a client").to_owned()
    };
    let session = session_of(&sign_in(&mut browser, "ada@example.com"));
    let verify = |token: &str| site.backend("POST", "/v1/clients/verify", &json!({ "token": token }));
    let client = verify(browser.cookie("__client").expect("a client"));
    assert_eq!(client.status, 200, "{}", client.body);
    let client = client.json();
    assert_eq!(faults("backend_client", &client), [""; 0], "{client:#}");
    assert_eq!(client["session_ids"], json!([session]));
    for odd in [&*before, "nonsense"] {
        assert_eq!(refused(&verify(odd)), with(400, "cookie_invalid"));
    }
    assert_eq!(refused(&verify("")), with(422, "form_param_missing"));
}

#[test]
fn a_client_shows_its_live_sessions_and_no_token() {
    let site = site();
    let ada = create(&site, "ada@example.com");
    let session = session_of(&sign_in(&mut Browser::of(&site.server), "ada@example.com"));
    let shown = site.backend("GET", &format!("/v1/sessions/{session}"), &Value::Null).json();
    let path = format!("/v1/clients/{}", shown["client_id"].as_str().expect("an id"));
    let client = site.backend("GET", &path, &Value::Null).json();
    assert_eq!(faults("backend_client", &client), [""; 0], "{client:#}");
    assert_eq!((&client["session_ids"], &client["sessions"]), (&json!([session]), &json!([shown])));
    site.backend("POST", &format!("{}/ban", path_of(&ada)), &Value::Null);
    let client = site.backend("GET", &path, &Value::Null).json();
    assert_eq!((&client["session_ids"], &client["last_active_session_id"]), (&json!([]), &Value::Null));
    let status = &site.backend("GET", &format!("/v1/sessions/{session}"), &Value::Null).json()["status"];
    assert_eq!(status, "revoked");
    let unknown = "/v1/clients/client_000000000000000000000000007";
    assert_eq!(refused(&site.backend("GET", unknown, &Value::Null)), with(404, "resource_not_found"));
}

#[test]
fn clients_are_listed_the_newest_first() {
    let site = site();
    create(&site, "ada@example.com");
    let list = |query: &str| site.backend("GET", &format!("/v1/clients{query}"), &Value::Null);
    assert_eq!(list("?paginated=true").json(), json!({ "data": [], "total_count": 0 }));
    let sessions: Vec<_> = (0..3)
        .map(|_| {
            site.server.advance(10);
            session_of(&sign_in(&mut Browser::of(&site.server), "ada@example.com"))
        })
        .collect();
    let page = list("?paginated=true&limit=2").json();
    assert_eq!(faults("backend_client_page", &page), [""; 0], "{page:#}");
    assert_eq!(page["total_count"], 3);
    let shown = |page: &Value| {
        let clients = page.as_array().expect("a list").clone();
        clients
            .iter()
            .map(|client| client["session_ids"][0].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(shown(&page["data"]), [sessions[2].clone(), sessions[1].clone()]);
    assert_eq!(shown(&list("?offset=2").json()), sessions[..1]);
    for query in ["?limit=501", "?limit=0", "?offset=100001"] {
        assert_eq!(refused(&list(query)), with(422, "form_param_value_invalid"), "{query}");
    }
}

fn claims(jwt: &str) -> Value {
    let payload = jwt.split('.').nth(1).expect("a payload");
    let bytes = URL_SAFE_NO_PAD.decode(payload).expect("base64");
    serde_json::from_slice(&bytes).expect("JSON")
}

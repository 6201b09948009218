//! Accounts at providers, in every state.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::browser::{PAGE, escaped};
use crate::support::provider::{CLIENT_ID, CLIENT_SECRET, Provider};
use crate::support::server::Server;

use super::talk::{Mode, Seen, Talk};
use super::walk::{SIGN_INS, SIGN_UPS, path_of};

#[test]
fn accounts_at_providers_have_their_shape_in_every_state() {
    let (folder, provider) = (TempDir::new().expect("a folder"), Provider::start());
    let config = format!(
        "[server]\nallowed_origins = [\"{PAGE}\"]\nallowed_redirects = [\"myapp://callback\"]\n[limits]\nsource = false\n[session]\nsingle = false\n{SETTINGS}\
         [settings.oauth.oauth_custom_fake]\nclient_id = \"{CLIENT_ID}\"\nclient_secret = \"{CLIENT_SECRET}\"\n\
         issuer = \"{}\"\n",
        provider.issuer()
    );
    let server = Server::start(folder.path(), &config);
    let seen = Seen::default();
    let site = Site { server: &server, provider: &provider, seen: &seen };
    site.talk().call("GET", "/v1/environment", "");

    // The person refuses, and then returns too late.
    let mut talk = site.talk();
    let page = site.begin(&mut talk, SIGN_UPS);
    let (_, state) = provider.allow(&page);
    site.back(&mut talk, &format!("error=access_denied&state={state}"), "failed");
    let page = site.begin(&mut talk, SIGN_UPS);
    assert!(!page.is_empty());
    server.advance(3_600_000);
    talk.call("GET", "/v1/client", "");
    talk.call("POST", SIGN_UPS, "locale=en-US");

    // Without an address: only the account identifies the person.
    provider.person(json!({"sub": "person-0", "preferred_username": "nameless"}));
    let mut talk = site.talk();
    let page = site.begin(&mut talk, SIGN_UPS);
    let (code, state) = provider.allow(&page);
    let sign_up = site.back(&mut talk, &format!("code={code}&state={state}"), "verified");
    assert_eq!(sign_up["status"], "complete", "{sign_up:#}");
    let client = talk.ask("GET", "/v1/client", "");
    let shown = &client["sessions"][0]["public_user_data"]["identifier"];
    assert!(shown.as_str().is_some_and(|text| !text.is_empty()), "{shown}");
    assert_eq!(client["sessions"][0]["user"]["email_addresses"], json!([]));

    // With an address that the provider has verified.
    provider.person(json!({"sub": "person-1", "email": "ada@example.com", "email_verified": true}));
    let mut talk = site.talk();
    let page = site.begin(&mut talk, SIGN_UPS);
    let (code, state) = provider.allow(&page);
    site.back(&mut talk, &format!("code={code}&state={state}"), "verified");
    let me = talk.ask("GET", "/v1/me", "");
    assert_eq!(me["external_accounts"][0]["provider"], "oauth_custom_fake", "{me:#}");

    // A sign-up with a user's account becomes a sign-in, and a sign-in with an unused account becomes a sign-up.
    let mut talk = site.talk();
    let page = site.begin(&mut talk, SIGN_UPS);
    let (code, state) = provider.allow(&page);
    site.back(&mut talk, &format!("code={code}&state={state}"), "transferable");
    let done = talk.ask("POST", SIGN_INS, "transfer=true");
    assert_eq!(done["status"], "complete", "{done:#}");
    provider.person(json!({"sub": "person-2", "email": "eve@example.com", "email_verified": false}));
    let mut talk = site.talk();
    let page = site.begin(&mut talk, SIGN_INS);
    let (code, state) = provider.allow(&page);
    site.back(&mut talk, &format!("code={code}&state={state}"), "transferable");
    let moved = talk.ask("POST", SIGN_UPS, "transfer=true");
    assert_eq!(moved["verifications"]["external_account"]["status"], "verified", "{moved:#}");
    talk.call("POST", SIGN_UPS, "transfer=true");

    // The same for applications without cookies.
    let mut native = Talk::begin(&server, Mode::Native, &seen);
    site.begin(&mut native, SIGN_UPS);
    site.begin(&mut native, SIGN_INS);

    let seen = seen.into_inner();
    for state in ["unverified", "verified", "failed", "transferable", "expired"] {
        assert!(seen.contains(&format!("verification_oauth:{state}")), "{state}: {seen:#?}");
    }
    for state in ["external_account_exists", "external_account_not_found", "oauth_access_denied"] {
        assert!(seen.contains(state), "{state}: {seen:#?}");
    }
}

struct Site<'a> {
    server: &'a Server,
    provider: &'a Provider,
    seen: &'a Seen,
}

impl<'a> Site<'a> {
    fn talk(&self) -> Talk<'a> {
        Talk::begin(self.server, Mode::Cookie, self.seen)
    }

    /// Starts the flow; returns the URL of the authorization request.
    fn begin(&self, talk: &mut Talk<'_>, resources: &str) -> String {
        let back = if talk.mode == Mode::Native { "myapp://callback" } else { PAGE };
        let form = format!("strategy=oauth_custom_fake&redirect_url={}", escaped(back));
        let begun = talk.ask("POST", resources, &form);
        assert_eq!(external(&begun)["status"], "unverified", "{begun:#}");
        let page = external(&begun)["external_verification_redirect_url"].as_str().expect("a page");
        assert!(page.starts_with(&self.provider.issuer()), "{page}");
        talk.call("GET", &path_of(resources, &begun), "");
        page.to_owned()
    }

    /// Returns from the provider; returns the sign-up or sign-in, whose account must have this status.
    fn back(&self, talk: &mut Talk<'_>, query: &str, status: &str) -> Value {
        let client = talk.ask("GET", "/v1/client", "");
        let [path] = ["sign_up", "sign_in"]
            .into_iter()
            .filter(|name| client[*name].is_object())
            .map(|name| path_of(&format!("/v1/client/{name}s"), &client[name]))
            .collect::<Vec<_>>()
            .try_into()
            .expect("one of them");
        let answer = talk.browser.navigate(&format!("/v1/oauth_callback?{query}"));
        assert_eq!(answer.status, 303, "{}", answer.body);
        let shown = talk.ask("GET", &path, "");
        assert_eq!(external(&shown)["status"], status, "{shown:#}");
        talk.call("GET", "/v1/client", "");
        shown
    }
}

fn external(resource: &Value) -> &Value {
    match &resource["verifications"] {
        Value::Null => &resource["first_factor_verification"],
        verifications => &verifications["external_account"],
    }
}

const SETTINGS: &str = r#"
[settings.attributes.email_address]
enabled = true
used_for_first_factor = true
verifications = ["email_code"]
verify_at_sign_up = true
[settings.social.oauth_custom_fake]
enabled = true
authenticatable = true
[settings.social.oauth_google]
enabled = true
"#;

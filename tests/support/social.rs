//! A server with a test provider on the same machine.

use serde_json::Value;
use tempfile::TempDir;
use vestibule::EngineBuilder;

use super::browser::{Browser, PAGE, escaped};
use super::provider::{CLIENT_ID, CLIENT_SECRET, Provider};
use super::server::{Answer, Server};

pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) provider: Provider,
    _folder: TempDir,
}

impl Site {
    pub(crate) fn start(settings: &str) -> Self {
        Self::start_with(settings, |builder| builder)
    }

    /// The same with an engine that `complete` finishes.
    pub(crate) fn start_with(
        settings: &str,
        complete: impl FnOnce(EngineBuilder) -> EngineBuilder + Send + 'static,
    ) -> Self {
        let (folder, provider) = (TempDir::new().expect("a folder"), Provider::start());
        let config = format!(
            "[server]\nallowed_origins = [\"{PAGE}\"]\nallowed_redirects = [\"myapp://callback\"]\n\
             [limits]\nsource = false\n{settings}{SOCIAL}\
             [settings.oauth.oauth_custom_fake]\nclient_id = \"{CLIENT_ID}\"\nclient_secret = \"{CLIENT_SECRET}\"\n\
             issuer = \"{}\"\n",
            provider.issuer()
        );
        Self { server: Server::start_with(folder.path(), &config, complete), provider, _folder: folder }
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser::of(&self.server)
    }

    /// Starts a sign-up through the provider; returns it.
    pub(crate) fn begin(&self, browser: &mut Browser<'_>, more: &str) -> Value {
        let created = browser.post("/v1/client/sign_ups", &begin_form(more));
        assert_eq!(created.status, 200, "{}", created.body);
        created.json()["response"].clone()
    }

    /// The person allows access and is redirected back.
    pub(crate) fn come_back(&self, browser: &mut Browser<'_>, begun: &Value) -> Answer {
        let (code, state) = self.provider.allow(page_of(begun));
        browser.navigate(&format!("/v1/oauth_callback?code={code}&state={state}"))
    }

    /// Starts a sign-in through the provider, where the person allows access. Returns the callback path, and the
    /// cookies at that time.
    pub(crate) fn leave_to_sign_in(&self, browser: &mut Browser<'_>) -> (String, Vec<(String, String)>) {
        let created = browser.post("/v1/client/sign_ins", &begin_form("")).json();
        let verification = &created["response"]["first_factor_verification"];
        let page = verification["external_verification_redirect_url"].as_str().expect("a page");
        let (code, state) = self.provider.allow(page);
        (format!("/v1/oauth_callback?code={code}&state={state}"), browser.cookies.clone())
    }

    /// Checks that an answer is a page for people with only a link to the instance's home page.
    pub(crate) fn shows_a_way_home(&self, answer: &Answer) {
        assert_eq!((answer.status, answer.header("location")), (400, None), "{}", answer.body);
        assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
        let home = format!("<a href=\"http://localhost:{}/\" class=\"main\">", self.server.port);
        assert!(answer.body.contains(&home) && answer.body.matches("<a ").count() == 1, "{}", answer.body);
    }

    /// Signs in through the provider; returns the client.
    pub(crate) fn sign_in(&self, browser: &mut Browser<'_>) -> Value {
        let created = browser.post("/v1/client/sign_ins", &begin_form(""));
        assert_eq!(created.status, 200, "{}", created.body);
        let verification = created.json()["response"]["first_factor_verification"].clone();
        let page = verification["external_verification_redirect_url"].as_str().expect("a page").to_owned();
        let (code, state) = self.provider.allow(&page);
        let back = browser.navigate(&format!("/v1/oauth_callback?code={code}&state={state}"));
        assert_eq!(back.status, 303, "{}", back.body);
        browser.get("/v1/client").json()["response"].clone()
    }

    /// A complete sign-up; returns the user.
    pub(crate) fn sign_up(&self, browser: &mut Browser<'_>) -> Value {
        let begun = self.begin(browser, "");
        self.come_back(browser, &begun);
        let client = browser.get("/v1/client").json();
        let user = client["response"]["sessions"][0]["user"].clone();
        assert!(user["id"].is_string(), "{client}");
        user
    }
}

pub(crate) fn begin_form(more: &str) -> String {
    let (there, done) = (escaped(&format!("{PAGE}/sso-callback")), escaped(&format!("{PAGE}/done")));
    format!("strategy=oauth_custom_fake&redirect_url={there}&action_complete_redirect_url={done}{more}")
}

pub(crate) fn id_of(sign_up: &Value) -> String {
    sign_up["id"].as_str().expect("an id").to_owned()
}

pub(crate) fn page_of(sign_up: &Value) -> &str {
    let account = &sign_up["verifications"]["external_account"];
    account["external_verification_redirect_url"].as_str().unwrap_or_else(|| panic!("no page: {account}"))
}

pub(crate) const EMAIL_AND_PASSWORD: &str = r#"
[settings.attributes.email_address]
enabled = true
required = true
verifications = ["email_code"]
verify_at_sign_up = true
[settings.attributes.password]
enabled = true
required = true
[settings.attributes.first_name]
enabled = true
[settings.attributes.last_name]
enabled = true
"#;

pub(crate) const WITH_USERNAME: &str = r#"
[settings.attributes.email_address]
enabled = true
required = true
verifications = ["email_code"]
verify_at_sign_up = true
[settings.attributes.username]
enabled = true
required = true
"#;

pub(crate) const SOCIAL: &str = r#"
[settings.social.oauth_custom_fake]
enabled = true
authenticatable = true
strategy = "oauth_custom_fake"
name = "Fake"
[settings.social.oauth_custom_unconfigured]
enabled = true
"#;

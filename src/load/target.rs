//! The server under load: whether the load is allowed, which fields it requires, and how codes can be read.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use tokio::time::Instant;
use url::{Host, Url};

use super::flow::{Run, Scenario};
use super::recorder::{Outcome, Recorder, Step};
use super::virtual_user::{HttpClient, Refusal, VirtualUser};
use super::{FlowKind, LoadError, Options};

/// The server under load.
#[derive(Debug)]
pub(super) struct Target {
    http: HttpClient,
    pub(super) codes: Codes,
    /// Prefix of the names of this run's people, so that runs don't share names.
    run: String,
    settings: Value,
}

/// How codes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codes {
    /// Test mode: test addresses accept a fixed code, and nothing is sent.
    Test,
    /// From the development mailbox.
    Outbox,
}

impl Target {
    /// Checks the server before the load: reads its environment and makes a few sign-ups.
    pub(super) async fn inspect(options: &Options, http: &HttpClient, run: String) -> Result<Self, LoadError> {
        may_be_loaded(&options.base, options.allow_remote)?;
        let settings = environment(http).await?;
        let mut target = Self { http: http.clone(), codes: Codes::Test, run, settings };
        target.check_settings(options.flow)?;
        target.try_limits().await?;
        target.try_codes(options.flow).await?;
        Ok(target)
    }

    /// The HTTP client.
    pub(super) const fn http(&self) -> &HttpClient {
        &self.http
    }

    /// Name of the nth person.
    pub(super) fn name(&self, n: u64) -> String {
        format!("load{}n{n}", self.run)
    }

    /// The e-mail address of a person. It is always a test address; a server without test mode treats it like any
    /// other.
    pub(super) fn address(&self, name: &str) -> String {
        format!("{name}+clerk_test@example.com")
    }

    /// The form fields of a person, in order.
    pub(super) fn fields(&self, kind: FlowKind, name: &str, address: &str) -> Vec<(&'static str, String)> {
        let takes = |field: &str| self.attribute(field, "required") || kind == FlowKind::Progressive;
        let wants = |field: &str| self.attribute(field, "enabled") && takes(field);
        let password = self.attribute("password", "enabled")
            && (kind == FlowKind::Password || self.attribute("password", "required"));
        let mut given = Vec::new();
        let mut give = |when: bool, field: &'static str, value: &str| {
            if when {
                given.push((field, value.to_owned()));
            }
        };
        give(wants("first_name"), "first_name", "Ada");
        give(wants("last_name"), "last_name", "Lovelace");
        give(wants("username"), "username", name);
        give(password, "password", PASSWORD);
        give(self.settings["sign_up"]["legal_consent_enabled"] == true, "legal_accepted", "true");
        give(true, "email_address", address);
        given
    }

    /// The newest code in the mailbox for an address.
    pub(super) async fn mailed(&self, address: &str) -> Result<String, Refusal> {
        let mut url = Url::parse(&self.http.base).map_err(|_| Refusal("no mailbox".into()))?;
        url.set_path("/dev/outbox");
        url.query_pairs_mut().append_pair("to", address);
        let began = Instant::now();
        while began.elapsed() < MAIL_TIMEOUT {
            let answer = self.http.client.get(url.clone()).send().await.map_err(|_| Refusal("no mailbox".into()))?;
            let body = answer.bytes().await.map_err(|_| Refusal("no mailbox".into()))?;
            let outbox: Value = serde_json::from_slice(&body).map_err(|_| Refusal("no mailbox".into()))?;
            let newest = outbox["messages"].as_array().and_then(|messages| messages.last());
            if let Some(code) = newest.and_then(|message| message["code"].as_str()) {
                return Ok(code.to_owned());
            }
            tokio::time::sleep(MAIL_PAUSE).await;
        }
        Err(Refusal("no mail".into()))
    }

    /// Checks that the flow can create a user with the server's settings.
    fn check_settings(&self, kind: FlowKind) -> Result<(), LoadError> {
        let refuse = |sentence: &str| Err(LoadError(sentence.to_owned()));
        let sign_up = &self.settings["sign_up"];
        if sign_up["mode"].as_str().is_some_and(|mode| mode != "public") {
            return refuse("the instance is not open to the public: set `sign_up.mode` to \"public\" for the run");
        }
        if sign_up["captcha_enabled"] == true {
            return refuse("the instance requires captchas: set `sign_up.captcha_enabled` to false for the run");
        }
        if sign_up["custom_action_required"] == true {
            return refuse(
                "sign-ups wait for a backend there: set `sign_up.custom_action_required` to false for the run",
            );
        }
        if sign_up["approval_required"] == true {
            return refuse("sign-ups wait for approval there: set `sign_up.approval_required` to false for the run");
        }
        if !self.attribute("email_address", "enabled") {
            return refuse("the instance accepts no e-mail addresses, which all flows need: enable them for the run");
        }
        let by_code = &self.settings["attributes"]["email_address"]["verifications"];
        let has_code = by_code.as_array().is_some_and(|strategies| strategies.iter().any(|s| s == "email_code"));
        if self.attribute("email_address", "verify_at_sign_up") && !has_code {
            return refuse("the instance verifies addresses, but not by `email_code`: add that strategy for the run");
        }
        for field in ["phone_number", "web3_wallet"] {
            if self.attribute(field, "required") {
                return Err(LoadError(format!(
                    "the instance requires `{field}`, which no flow gives: make it optional"
                )));
            }
        }
        if kind == FlowKind::Password && !self.attribute("password", "enabled") {
            return refuse("the instance accepts no passwords: enable them, or choose another --flow");
        }
        Ok(())
    }

    /// Starts more sign-ups at once than a rate limit by source allows, to detect that limit before the run.
    async fn try_limits(&self) -> Result<(), LoadError> {
        for _ in 0..LIMIT_PROBES {
            let mut person = VirtualUser::new(&self.http);
            match person.send(reqwest::Method::POST, "/v1/client/sign_ups", &[]).await {
                Ok(_) => {}
                Err(Refusal(code)) if code == "too_many_requests" => {
                    return Err(LoadError(
                        "the server limits what one source may do: start it with VESTIBULE_LIMITS__SOURCE=false and \
                         VESTIBULE_LIMITS__ADDRESS=false for the run"
                            .into(),
                    ));
                }
                Err(Refusal(code)) => return Err(LoadError(format!("a first sign-up was refused: {code}"))),
            }
        }
        Ok(())
    }

    /// Runs one flow with the fixed test code, and if that is refused, one with the code in the mailbox.
    async fn try_codes(&mut self, kind: FlowKind) -> Result<(), LoadError> {
        for (n, codes) in [Codes::Test, Codes::Outbox].into_iter().enumerate() {
            self.codes = codes;
            let now = Instant::now();
            let recorder = Recorder::beginning_at(now);
            let plan = Scenario { kind, name: format!("{}trial{n}", self.name(0)), leaves: false };
            match Run::new(self, &self.http, &recorder, now).run(&plan).await {
                Outcome::Completed => return Ok(()),
                Outcome::Failed(Step::Attempt, _) if codes == Codes::Test => {}
                Outcome::Failed(Step::Mail, _) => {
                    return Err(LoadError(
                        "the server takes no test addresses and shows no development mailbox, so codes can't be read: \
                         start it with VESTIBULE_VERIFICATION__TEST_MODE=true, or as a development instance"
                            .into(),
                    ));
                }
                Outcome::Failed(step, Refusal(code)) => {
                    return Err(LoadError(format!("a trial sign-up failed at {step}: {code}")));
                }
                Outcome::Abandoned => return Err(LoadError("a trial sign-up did not finish".into())),
            }
        }
        Err(LoadError("a trial sign-up failed with either code".into()))
    }

    fn attribute(&self, field: &str, what: &str) -> bool {
        self.settings["attributes"][field][what] == true
    }
}

/// Load on another person's machine is an attack, so a remote server needs an explicit flag.
fn may_be_loaded(base: &Url, allow_remote: bool) -> Result<(), LoadError> {
    let is_here = match base.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    if is_here || allow_remote {
        return Ok(());
    }
    let host = base.host_str().unwrap_or_default();
    Err(LoadError(format!("{host} is not this machine: give --allow-remote if it is yours to put under load")))
}

/// The instance's `user_settings`.
async fn environment(http: &HttpClient) -> Result<Value, LoadError> {
    let url = format!("{}/v1/environment?_is_native=1", http.base);
    let answer = http.client.get(&url).send().await.map_err(|error| {
        let why = if error.is_timeout() { "did not answer in time" } else { "can't be reached" };
        LoadError(format!("{} {why}: start the server, or give its URL", http.base))
    })?;
    let status = answer.status();
    let body = answer.bytes().await.unwrap_or_default();
    let settings = serde_json::from_slice(&body).map(|document: Value| document["user_settings"].clone());
    match settings {
        Ok(settings) if status == StatusCode::OK && settings["attributes"].is_object() => Ok(settings),
        _ => Err(LoadError(format!(
            "{url} does not answer like Clerk's Frontend API (status {}): give the URL without /v1",
            status.as_u16()
        ))),
    }
}

const PASSWORD: &str = "wanders under elms 47";
/// Sign-ups that the probe starts; the smallest usual limit is 5.
const LIMIT_PROBES: usize = 7;
const MAIL_TIMEOUT: Duration = Duration::from_secs(10);
const MAIL_PAUSE: Duration = Duration::from_millis(5);

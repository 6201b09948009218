//! The application's hook before a sign-up becomes a user (guide/contract_backend.md#the-hook-before-a-new-user).

mod additions;
mod after_commit;
mod failures;
mod roads;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use vestibule::hooks::{Additions, Answer, BoxFuture, Hook, HookOptions, OnFailure, Refusal, UserToBe};

use crate::support::backend::{SECRET_KEY, backend};
use crate::support::social;

/// A hook that answers as it is told to, and notes whom it was asked about.
pub(super) struct Door {
    says: Mutex<Says>,
    asked: Mutex<Vec<UserToBe>>,
}

#[derive(Clone)]
pub(super) enum Says {
    This(Answer),
    Nothing,
    NothingAndBlocks,
    Panics,
}

impl Door {
    pub(super) fn new(says: Says) -> Arc<Self> {
        Arc::new(Self { says: Mutex::new(says), asked: Mutex::default() })
    }

    pub(super) fn says_now(&self, says: Says) {
        *self.says.lock().expect("no panic") = says;
    }

    /// Whom it was asked about since the last time that this was asked.
    pub(super) fn take_asked(&self) -> Vec<UserToBe> {
        std::mem::take(&mut *self.asked.lock().expect("no panic"))
    }
}

impl Hook for Door {
    fn before_conversion<'a>(&'a self, user: &'a UserToBe) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            self.asked.lock().expect("no panic").push(user.clone());
            let says = self.says.lock().expect("no panic").clone();
            match says {
                Says::This(answer) => answer,
                Says::Nothing => std::future::pending().await,
                Says::NothingAndBlocks => {
                    std::thread::sleep(Duration::from_secs(2));
                    Answer::Allow
                }
                Says::Panics => panic!("a hook with a bug"),
            }
        })
    }
}

/// A server whose hook is a [`Door`], beside a provider of accounts.
pub(super) struct Site {
    pub(super) site: social::Site,
    pub(super) door: Arc<Door>,
}

impl Site {
    /// It refuses everybody at first. `settings` are those of the instance, in addition to its provider.
    pub(super) fn start(settings: &Value) -> Self {
        Self::with(settings, refuses(), HookOptions::default())
    }

    pub(super) fn with(settings: &Value, says: Says, options: HookOptions) -> Self {
        let door = Door::new(says);
        let hook = door.clone();
        let config = format!(
            "[instance]\nsecret_key = \"{SECRET_KEY}\"\n\
             [captcha]\nprovider = \"turnstile\"\nsite_key = \"a site key\"\nsecret = \"a secret\"\n"
        );
        let site = social::Site::start_with(&config, move |builder| builder.before_conversion(hook, options));
        let site = Self { site, door };
        site.configure(settings);
        site
    }

    pub(super) fn configure(&self, settings: &Value) {
        let mut document = self.site.server.settings();
        for (key, value) in settings.as_object().expect("settings") {
            document[key] = value.clone();
        }
        self.site.server.put_settings(&document);
    }

    pub(super) fn backend(&self, method: &str, path: &str, body: &Value) -> crate::support::endpoint::Answer {
        backend(&self.site.server, method, path, body)
    }

    /// The users, as the backend sees them.
    pub(super) fn users(&self) -> Vec<Value> {
        let listed = self.backend("GET", "/v1/users?limit=100", &Value::Null);
        listed.json().as_array().unwrap_or_else(|| panic!("{}", listed.body)).clone()
    }
}

pub(super) fn refuses() -> Says {
    let refusal = Refusal::new("company_only", "Please use the address that your company gave you.");
    Says::This(Answer::Refuse(refusal.expect("a refusal")))
}

pub(super) fn allows() -> Says {
    Says::This(Answer::Allow)
}

pub(super) fn adds(additions: Additions) -> Says {
    Says::This(Answer::AllowWith(additions))
}

pub(super) const fn quickly(on_failure: OnFailure) -> HookOptions {
    HookOptions { deadline: Duration::from_millis(300), on_failure }
}

/// Settings with an e-mail address, proved in these ways, and the further attributes.
pub(super) fn with_email(ways: &[&str], more: &Value) -> Value {
    let mut attributes = json!({"email_address": {
        "enabled": true, "required": true, "verifications": ways, "verify_at_sign_up": !ways.is_empty(),
        "used_for_first_factor": true, "first_factors": ["email_code"],
    }});
    for (name, attribute) in more.as_object().expect("attributes") {
        attributes[name] = attribute.clone();
    }
    json!({"attributes": attributes})
}

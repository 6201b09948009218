//! The engine in one process: actors, store and relay together, in memory and on disk.

mod instance;
mod passivation;
mod sign_ups;
mod stored_data;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use vestibule::engine::AttemptVerification;
use vestibule::engine::PrepareVerification;

use vestibule::delivery::Capture;
use vestibule::domain::id::SignUpId;
use vestibule::domain::policy::Policy;
use vestibule::domain::settings::{Attribute, Settings};
use vestibule::domain::sign_up::NewSignUp;
use vestibule::domain::verification::Strategy;
use vestibule::engine::{BackendKey, Caller, ClientView, Engine, EngineError, RequestContext, SignUpView};
use vestibule::password::{HashOptions, HashParameters};
use vestibule::store::EmbeddedStore;
use vestibule::store::ledger::Durability;
use vestibule::token::InstanceKey;

struct Bench {
    engine: Engine,
    mail: Arc<Capture>,
    key: Vec<u8>,
}

impl Bench {
    async fn in_memory() -> Self {
        let policy = Policy { address_limits: None, ..Policy::default() };
        Self::over(Engine::builder().policy(policy)).await
    }

    async fn on_disk(path: &Path) -> Self {
        let store = EmbeddedStore::open(path, Durability::Synced).expect("a store");
        Self::over(Engine::builder().store(Arc::new(store)).secret_key(BackendKey::Generated)).await
    }

    async fn over(builder: vestibule::engine::EngineBuilder) -> Self {
        let mail = Arc::new(Capture::new());
        let cheap = HashParameters { m_kib: 64, t: 1, p: 1 };
        let builder = builder
            .settings(settings())
            .email(mail.clone())
            .key(InstanceKey::from_bytes([7; 32].into()))
            .hashing(HashOptions { parameters: cheap, threads: 1, ..HashOptions::default() });
        Self { engine: builder.build().await.expect("an engine"), mail, key: vec![7; 32] }
    }

    async fn create(&self, caller: &Caller, email: &str) -> Result<(SignUpView, ClientView), EngineError> {
        let fields = NewSignUp { email_address: Some(email.into()), ..NewSignUp::default() };
        self.engine.sign_ups().create(caller, &fields, &RequestContext::default()).await
    }

    async fn begin(&self, email: &str) -> (SignUpView, Caller) {
        let (sign_up, client) = self.create(&Caller::anonymous(), email).await.expect("a sign-up");
        let token = client.new_token.expect("a new client has a token");
        (sign_up, self.engine.identify(Some(token.expose())).await.expect("readable"))
    }

    async fn finish(&self, caller: &Caller, id: SignUpId, to: &str) -> Result<(SignUpView, ClientView), EngineError> {
        self.engine
            .sign_ups()
            .prepare(caller, id, &PrepareVerification::new(Strategy::EmailCode), &RequestContext::default())
            .await?;
        let code = self.code(to).await;
        self.attempt(caller, id, &code).await
    }

    async fn attempt(
        &self,
        caller: &Caller,
        id: SignUpId,
        code: &str,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        self.engine
            .sign_ups()
            .attempt(caller, id, &AttemptVerification::code(Strategy::EmailCode, code), &RequestContext::default())
            .await
    }

    async fn code(&self, to: &str) -> String {
        self.codes(to, 1).await.pop().expect("at least one")
    }

    /// The codes sent to an address, in the order of the requests.
    async fn codes(&self, to: &str, count: usize) -> Vec<String> {
        loop {
            let mut messages = self.mail.to(to);
            if messages.len() >= count {
                messages.sort_by_key(|m| m.created_at);
                return messages.iter().filter_map(|m| m.code.as_ref()).map(|code| code.expose().clone()).collect();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn token_of(&self, caller: &Caller) -> String {
        let client = caller.client().expect("a client");
        let key: [u8; 32] = self.key.clone().try_into().expect("32 bytes");
        InstanceKey::from_bytes(key.into())
            .client_token(client.id, client.generation, client.salt.expose())
            .into_inner()
    }
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    let on = Attribute { enabled: true, ..Attribute::default() };
    settings.attributes.email_address =
        Attribute { required: true, verify_at_sign_up: true, verifications: vec![Strategy::EmailCode], ..on.clone() };
    settings.attributes.first_name = on.clone();
    settings.attributes.password = on;
    settings
}

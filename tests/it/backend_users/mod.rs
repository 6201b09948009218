//! The backend's calls on users, in one process: what they change, and what people then see.

mod bans;
mod changes;
mod creation;
mod lists;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use vestibule::clock::ManualClock;
use vestibule::delivery::Capture;
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::{Attribute, Settings};
use vestibule::domain::sign_up::NewSignUp;
use vestibule::domain::time::{Span, Timestamp};
use vestibule::domain::user::{NewUser, User};
use vestibule::domain::verification::Strategy;
use vestibule::engine::{
    AttemptFirstFactor, AttemptVerification, Caller, ClientView, Engine, EngineError, NewSignIn, PrepareFirstFactor,
    RequestContext, SignInView,
};
use vestibule::password::{HashOptions, HashParameters};

/// An engine with a clock of its own and a mailbox.
struct Site {
    engine: Engine,
    mail: Arc<Capture>,
    clock: Arc<ManualClock>,
}

impl Site {
    async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: Settings) -> Self {
        let mail = Arc::new(Capture::new());
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_411_798_000)));
        let cheap = HashParameters { m_kib: 64, t: 1, p: 1 };
        let hashing = HashOptions { parameters: cheap, threads: 1, ..HashOptions::default() };
        let builder = Engine::builder().settings(settings).email(mail.clone()).clock(clock.clone()).hashing(hashing);
        let engine = builder.source_limits(None).build().await.expect("an engine");
        Self { engine, mail, clock }
    }

    /// Lets a second pass.
    fn tick(&self) {
        self.clock.advance(Span::from_secs(1));
    }

    /// A user with a verified address and a password, created by the backend.
    async fn ada(&self) -> Arc<User> {
        self.create(&named("ada@example.com")).await
    }

    async fn create(&self, input: &NewUser) -> Arc<User> {
        self.engine.users().create(input).await.expect("a user")
    }

    async fn caller(&self, client: &ClientView) -> Caller {
        let token = client.new_token.as_ref().expect("a new token");
        self.engine.identify(Some(token.expose())).await.expect("readable")
    }

    async fn sign_in(&self, address: &str) -> Result<ClientView, EngineError> {
        let input = NewSignIn {
            identifier: Some(address.to_owned()),
            password: Some(Secret::new(PASSWORD.to_owned())),
            ..NewSignIn::default()
        };
        let made = self.engine.sign_ins().create(&Caller::anonymous(), &input, &RequestContext::default()).await;
        made.map(|(_, client)| client)
    }

    /// Begins to sign in with an address.
    async fn begin(&self, address: &str) -> (Caller, SignInView) {
        let input = NewSignIn { identifier: Some(address.to_owned()), ..NewSignIn::default() };
        let made = self.engine.sign_ins().create(&Caller::anonymous(), &input, &RequestContext::default()).await;
        let (begun, client) = made.expect("a sign-in");
        (self.caller(&client).await, begun)
    }

    async fn prepare(&self, caller: &Caller, begun: &SignInView) -> Result<(), EngineError> {
        let input = PrepareFirstFactor::new(Strategy::EmailCode);
        let context = RequestContext::default();
        self.engine.sign_ins().prepare(caller, begun.value.id, &input, &context).await.map(|_| ())
    }

    /// Proves the address by the code in its newest message.
    async fn attempt(&self, caller: &Caller, begun: &SignInView, address: &str) -> Result<ClientView, EngineError> {
        let input = AttemptFirstFactor::code(Strategy::EmailCode, self.code(address).await);
        let context = RequestContext::default();
        let done = self.engine.sign_ins().attempt(caller, begun.value.id, &input, &context).await;
        done.map(|(_, client)| client)
    }

    /// Signs up with an address and a code.
    async fn sign_up(&self, address: &str) -> Result<ClientView, EngineError> {
        let input = NewSignUp {
            email_address: Some(address.to_owned()),
            strategy: Some(Strategy::EmailCode),
            ..NewSignUp::default()
        };
        let context = RequestContext::default();
        let (begun, client) = self.engine.sign_ups().create(&Caller::anonymous(), &input, &context).await?;
        let caller = self.caller(&client).await;
        let proof = AttemptVerification::code(Strategy::EmailCode, self.code(address).await);
        let done = self.engine.sign_ups().attempt(&caller, begun.value.id, &proof, &context).await?;
        Ok(done.1)
    }

    async fn code(&self, address: &str) -> String {
        loop {
            let messages = self.mail.to(address);
            if let Some(newest) = messages.iter().max_by_key(|message| message.created_at) {
                return newest.code.as_ref().expect("a code").expose().clone();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

fn named(address: &str) -> NewUser {
    NewUser {
        email_address: vec![address.to_owned()],
        password: Some(Secret::new(PASSWORD.to_owned())),
        ..NewUser::default()
    }
}

fn code_of<T>(result: Result<T, EngineError>) -> String {
    result.map(|_| ()).expect_err("a refusal").code().to_owned()
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    let on = Attribute { enabled: true, ..Attribute::default() };
    settings.attributes.email_address = Attribute {
        required: true,
        used_for_first_factor: true,
        verify_at_sign_up: true,
        verifications: vec![Strategy::EmailCode],
        ..on.clone()
    };
    settings.attributes.username = Attribute { used_for_first_factor: true, ..on.clone() };
    settings.attributes.first_name = on.clone();
    settings.attributes.password = on;
    settings.username_settings.min_length = 3;
    settings
}

const PASSWORD: &str = "wanders under elms";

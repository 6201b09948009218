//! The ways in which a client gets a session, and the calls that may be in flight then.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use vestibule::delivery::Capture;
use vestibule::domain::id::{SessionId, SignInId, SignUpId};
use vestibule::domain::policy::Policy;
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::{Attribute, Settings};
use vestibule::domain::sign_up::{BackendUpdate, NewSignUp, Phase};
use vestibule::domain::verification::{AuthorizeParams, Strategy};
use vestibule::engine::{
    AttemptFirstFactor, AttemptVerification, Caller, ClientView, Engine, EngineError, NewSignIn, PrepareFirstFactor,
    PrepareVerification, RequestContext, SignUpView,
};
use vestibule::password::{HashOptions, HashParameters};
use vestibule::store::FaultyStore;
use vestibule::token::{Algorithm, TokenCarrier};

use super::shown::{secrets, show};
use crate::support::redirects::allowed;

/// How a client gets a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// By its own calls.
    Code,
    Link,
    Password,
    SignInCode,
    SignInPassword,
    /// By a call outside of this client.
    Backend,
    LinkElsewhere,
}

impl Route {
    pub(super) const ALL: [Self; 7] = [
        Self::Code,
        Self::Link,
        Self::Password,
        Self::SignInCode,
        Self::SignInPassword,
        Self::Backend,
        Self::LinkElsewhere,
    ];
}

/// A call with a token from before the session.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    ClientView,
    OpenClient,
    EndSessions,
    SignUp,
    SignUpAndClient,
    CreateSignUp,
    UpdateSignUp,
    CompleteSignUp,
    Prepare,
    AttemptWrong,
    ClaimReturn,
    FollowWrong,
    CreateSignIn,
    CreateSignInWrong,
    CreateSignInRight,
    SignIn,
    PrepareFirstFactor,
    AttemptFirstFactorWrong,
    Touch,
    SessionToken,
    EndSession,
    Me,
    AcceptTicket,
}

pub(super) const CALLS: &[Call] = &[
    Call::ClientView,
    Call::OpenClient,
    Call::EndSessions,
    Call::SignUp,
    Call::SignUpAndClient,
    Call::CreateSignUp,
    Call::UpdateSignUp,
    Call::CompleteSignUp,
    Call::Prepare,
    Call::AttemptWrong,
    Call::ClaimReturn,
    Call::FollowWrong,
    Call::CreateSignIn,
    Call::CreateSignInWrong,
    Call::CreateSignInRight,
    Call::SignIn,
    Call::PrepareFirstFactor,
    Call::AttemptFirstFactorWrong,
    Call::Touch,
    Call::SessionToken,
    Call::EndSession,
    Call::Me,
    Call::AcceptTicket,
];

/// An engine in which sessions are created in one way.
#[derive(Clone)]
pub(super) struct World {
    pub(super) engine: Engine,
    store: Arc<FaultyStore>,
    mail: Arc<Capture>,
    route: Route,
    count: Arc<AtomicUsize>,
}

/// A signed-in client with a pending sign-up and sign-in, each of which can create another session.
#[derive(Clone)]
pub(super) struct Furnished {
    pub(super) token: String,
    /// Its token from before the sign-up.
    pub(super) planted: String,
    pub(super) session: SessionId,
    sign_up: SignUpId,
    sign_in: SignInId,
    address: String,
}

pub(super) struct Outcome {
    /// The answer of the paused call.
    shown: String,
    /// Data that only the other call may get, if it created a session.
    secrets: Option<Vec<String>>,
    pub(super) was_held: bool,
}

impl Outcome {
    pub(super) fn shown_beside_secrets(&self) -> Option<(&str, &[String])> {
        Some((self.shown.as_str(), self.secrets.as_deref()?))
    }
}

impl World {
    pub(super) async fn new(route: Route) -> Self {
        let (store, mail) = (Arc::new(FaultyStore::default()), Arc::new(Capture::new()));
        let mut settings = settings();
        settings.sign_up.custom_action_required = route == Route::Backend;
        settings.attributes.password.required = route == Route::Password;
        settings.attack_protection.email_link.require_same_client = false;
        let policy = Policy { test_mode: true, address_limits: None, single_session: false, ..Policy::default() };
        let cheap =
            HashOptions { parameters: HashParameters { m_kib: 64, t: 1, p: 1 }, threads: 1, ..HashOptions::default() };
        let engine = Engine::builder().policy(policy).settings(settings).store(store.clone()).email(mail.clone());
        let engine = engine.algorithm(Algorithm::EdDsa).hashing(cheap).build().await.expect("an engine");
        let world = Self { engine, store, mail, route, count: Arc::default() };
        world.people().await;
        world
    }

    /// Creates two users: one is signed in on each client of the test, the other signs in there.
    async fn people(&self) {
        for address in [HERE, LATER] {
            let fields = NewSignUp {
                email_address: Some(address.into()),
                password: Some(Secret::new(PASSWORD.into())),
                strategy: Some(Strategy::EmailCode),
                ..NewSignUp::default()
            };
            let made = self.engine.sign_ups().create(&Caller::anonymous(), &fields, &source()).await;
            let (sign_up, client) = made.expect("a sign-up");
            let caller = self.known(&client.new_token.expect("a token")).await;
            let id = sign_up.value.id;
            let attempt = self
                .engine
                .sign_ups()
                .attempt(&caller, id, &AttemptVerification::code(Strategy::EmailCode, CODE), &source())
                .await;
            attempt.expect("a right code");
            if self.route == Route::Backend {
                self.act(id).await;
            }
        }
    }

    pub(super) async fn furnish(&self) -> Furnished {
        let signed_in = NewSignIn {
            identifier: Some(HERE.into()),
            password: Some(Secret::new(PASSWORD.into())),
            ..NewSignIn::default()
        };
        let (_, client) =
            self.engine.sign_ins().create(&Caller::anonymous(), &signed_in, &source()).await.expect("signed in");
        let (token, session) = (client.new_token.expect("a token"), client.sessions[0].session.id);
        let caller = self.known(&token).await;
        let n = self.count.fetch_add(1, Ordering::SeqCst);
        let is_link = matches!(self.route, Route::Link | Route::LinkElsewhere);
        let address = format!("ada{n}{}@example.com", if is_link { "" } else { "+clerk_test" });
        let fields = NewSignUp {
            email_address: Some(address.clone()),
            strategy: Some(if is_link { Strategy::EmailLink } else { Strategy::EmailCode }),
            authorize: AuthorizeParams::to(allowed("http://localhost:3000/verify")),
            ..NewSignUp::default()
        };
        let (sign_up, client) = self.engine.sign_ups().create(&caller, &fields, &source()).await.expect("a sign-up");
        let planted = token.expose().clone();
        let token = client.new_token.unwrap_or(token);
        let caller = self.known(&token).await;
        let sign_in =
            NewSignIn { identifier: Some(LATER.into()), strategy: Some(Strategy::EmailCode), ..NewSignIn::default() };
        let (sign_in, _) = self.engine.sign_ins().create(&caller, &sign_in, &source()).await.expect("a sign-in");
        let (sign_up, sign_in) = (sign_up.value.id, sign_in.value.id);
        let mut place = Furnished { token: token.into_inner(), planted, session, sign_up, sign_in, address };
        if matches!(self.route, Route::Password | Route::Backend) {
            let (_, client) = self.attempt(&place, &caller, CODE).await.expect("a right code");
            place.token = client.new_token.map_or(place.token, Secret::into_inner);
        }
        place
    }

    /// Makes a call with the token, and runs the other call at the `moment`th point of its reads.
    pub(super) async fn hold(&self, call: Call, place: &Furnished, moment: usize) -> Outcome {
        let caller = self.engine.identify(Some(&place.token)).await.expect("readable");
        let secrets = Arc::new(Mutex::new(None));
        let (world, elsewhere, found) = (self.clone(), place.clone(), secrets.clone());
        self.store.interrupt(moment, async move {
            let brought = tokio::time::timeout(Duration::from_secs(20), world.bring(&elsewhere)).await;
            *found.lock().expect("a lock") = brought.expect("the call held no lock");
        });
        let mut shown = self.call(call, place, &caller).await;
        let was_held = !self.store.cancel_interruption();
        if !was_held {
            // The call has fewer such points: the other call runs after it, and this one is repeated.
            *secrets.lock().expect("a lock") = self.bring(place).await;
            shown = self.call(call, place, &caller).await;
        }
        let secrets = secrets.lock().expect("a lock").take();
        Outcome { shown, secrets, was_held }
    }

    /// Creates a session on the client in the world's way, with the earlier token; `None` if the client's token has
    /// changed already. Returns the data that only this call may get.
    pub(super) async fn bring(&self, place: &Furnished) -> Option<Vec<String>> {
        let engine = &self.engine;
        let caller = engine.identify(Some(&place.token)).await.expect("readable");
        caller.client()?;
        let source = source();
        let client = match self.route {
            Route::Code => self.attempt(place, &caller, CODE).await.ok()?.1,
            Route::Password => {
                let fields = NewSignUp { password: Some(Secret::new(PASSWORD.into())), ..NewSignUp::default() };
                engine.sign_ups().update(&caller, place.sign_up, &fields.into(), &source).await.ok()?.1
            }
            Route::SignInCode => {
                let proof = AttemptFirstFactor::code(Strategy::EmailCode, CODE);
                engine.sign_ins().attempt(&caller, place.sign_in, &proof, &source).await.ok()?.1
            }
            Route::SignInPassword => {
                let proof = AttemptFirstFactor::password(Secret::new(PASSWORD.into()));
                engine.sign_ins().attempt(&caller, place.sign_in, &proof, &source).await.ok()?.1
            }
            Route::Link => {
                let link = self.link(place).await;
                engine.sign_ups().follow_link(&caller, &link, false, &source).await.ok()?.client?
            }
            Route::LinkElsewhere => {
                let link = self.link(place).await;
                engine.sign_ups().follow_link(&Caller::anonymous(), &link, true, &source).await.ok()?;
                return self.collected(place).await;
            }
            Route::Backend => {
                self.act(place.sign_up).await;
                return self.collected(place).await;
            }
        };
        let new_token = client.new_token.as_ref()?.expose().clone();
        let signs_in = matches!(self.route, Route::SignInCode | Route::SignInPassword);
        let user = (!signs_in).then(|| place.sign_up.cast());
        Some(secrets(new_token, client.client.last_active_session_id?, user))
    }

    /// The data of the client's next answer. It is not fetched here, because the next caller with the token would get
    /// it.
    async fn collected(&self, place: &Furnished) -> Option<Vec<String>> {
        let sign_up = self.engine.sign_ups().inspect(place.sign_up).await.expect("readable");
        let Phase::Complete { session_id, .. } = sign_up.value.phase else { return None };
        Some(secrets("a token that nobody has yet".into(), session_id, Some(place.sign_up.cast())))
    }

    async fn act(&self, id: SignUpId) {
        let action = BackendUpdate { custom_action: Some(true), ..BackendUpdate::default() };
        // If the sign-up was finished or replaced before, this has no effect.
        let _outcome = self.engine.sign_ups().update_by_backend(id, action).await;
    }

    pub(super) async fn attempt(
        &self,
        place: &Furnished,
        caller: &Caller,
        code: &str,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        self.engine
            .sign_ups()
            .attempt(caller, place.sign_up, &AttemptVerification::code(Strategy::EmailCode, code), &source())
            .await
    }

    async fn link(&self, place: &Furnished) -> String {
        for _ in 0..1000 {
            if let Some(message) = self.mail.to(&place.address).first() {
                let link = message.link.as_ref().expect("a link").expose().clone();
                return link.split_once("token=").expect("a token").1.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("no mail to {}", place.address);
    }

    async fn known(&self, token: &Secret<String>) -> Caller {
        self.engine.identify(Some(token.expose())).await.expect("readable")
    }

    /// All data in a call's answer.
    async fn call(&self, call: Call, place: &Furnished, caller: &Caller) -> String {
        let (engine, source) = (&self.engine, source());
        let (sign_up, sign_in) = (place.sign_up, place.sign_in);
        let fields = NewSignUp { first_name: Some("Ada".into()), ..NewSignUp::default() };
        let password = |text: &str| Some(Secret::new(text.to_owned()));
        let identify = |password| NewSignIn { identifier: Some(LATER.into()), password, ..NewSignIn::default() };
        match call {
            Call::ClientView => show(engine.client_view(caller, &source).await),
            Call::OpenClient => show(engine.open_client(caller, &source).await),
            Call::EndSessions => show(engine.sessions().end_all(caller, &source).await),
            Call::SignUp => show(engine.sign_ups().show(caller, sign_up).await),
            Call::SignUpAndClient => show(engine.sign_ups().show_with_client(caller, sign_up, &source).await),
            Call::CreateSignUp => show(engine.sign_ups().create(caller, &fields, &source).await),
            Call::UpdateSignUp => show(engine.sign_ups().update(caller, sign_up, &fields.into(), &source).await),
            Call::CompleteSignUp => {
                let fields = NewSignUp { password: password(PASSWORD), ..fields };
                show(engine.sign_ups().update(caller, sign_up, &fields.into(), &source).await)
            }
            Call::Prepare => {
                let raw = PrepareVerification::new(Strategy::EmailCode);
                show(engine.sign_ups().prepare(caller, sign_up, &raw, &source).await)
            }
            Call::AttemptWrong => show(self.attempt(place, caller, "000000").await),
            Call::ClaimReturn => show(engine.sign_ups().claim_return(caller, sign_up, "AAAA", &source).await),
            Call::FollowWrong => {
                let wrong = format!("{sign_up}.{}", "A".repeat(32));
                show(engine.sign_ups().follow_link(caller, &wrong, true, &source).await.map(|followed| followed.client))
            }
            Call::CreateSignIn => show(engine.sign_ins().create(caller, &identify(None), &source).await),
            Call::CreateSignInWrong => {
                show(engine.sign_ins().create(caller, &identify(password("wanders under oaks")), &source).await)
            }
            Call::CreateSignInRight => {
                show(engine.sign_ins().create(caller, &identify(password(PASSWORD)), &source).await)
            }
            Call::SignIn => show(engine.sign_ins().show(caller, sign_in, &source).await),
            Call::PrepareFirstFactor => {
                let raw = PrepareFirstFactor::new(Strategy::EmailCode);
                show(engine.sign_ins().prepare(caller, sign_in, &raw, &source).await)
            }
            Call::AttemptFirstFactorWrong => {
                let raw = AttemptFirstFactor::code(Strategy::EmailCode, "000000");
                show(engine.sign_ins().attempt(caller, sign_in, &raw, &source).await)
            }
            Call::Touch => show(engine.sessions().touch(caller, place.session, &source).await),
            Call::SessionToken => show(engine.sessions().token(caller, place.session, &source).await),
            Call::EndSession => show(engine.sessions().end(caller, place.session, false, &source).await),
            Call::Me => show(engine.users().current(caller, None).await),
            Call::AcceptTicket => format!("{:?}", engine.invitations().accept_ticket(caller, "ticket", &source).await),
        }
    }
}

pub(super) fn source() -> RequestContext {
    RequestContext { tokens: true, carrier: TokenCarrier::Cookie, ..RequestContext::default() }
}

pub(super) fn settings() -> Settings {
    let mut settings = Settings::default();
    let on = Attribute { enabled: true, ..Attribute::default() };
    settings.attributes.email_address = Attribute {
        required: true,
        verify_at_sign_up: true,
        used_for_first_factor: true,
        first_factors: vec!["email_code".into()],
        verifications: vec![Strategy::EmailCode, Strategy::EmailLink],
        ..on.clone()
    };
    settings.attributes.first_name = on.clone();
    settings.attributes.password = on;
    settings
}

const HERE: &str = "here+clerk_test@example.com";
const LATER: &str = "later+clerk_test@example.com";
const PASSWORD: &str = "wanders under elms";
/// The code of test addresses.
pub(super) const CODE: &str = "424242";

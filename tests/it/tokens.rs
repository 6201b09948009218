//! Who knows a client's token from before a session learns nothing of it, however the calls overlap.

use std::fmt::Write as _;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vestibule::delivery::Capture;
use vestibule::domain::context::Policy;
use vestibule::domain::id::{
    ClientId, InvitationId, MessageId, SessionId, SignInId, SignUpId, UserId, WaitlistEntryId,
};
use vestibule::domain::identifier::Identifier;
use vestibule::domain::invitation::Invitation;
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::{Attribute, Settings};
use vestibule::domain::sign_up::{Action, Phase, RawFields, SignUp};
use vestibule::domain::time::{Span, Timestamp};
use vestibule::domain::user::User;
use vestibule::domain::verification::Strategy;
use vestibule::domain::waitlist::WaitlistEntry;
use vestibule::engine::{
    Caller, ClientView, Engine, EngineError, RawFirstFactor, RawPrepare, RawProof, RawSignIn, SessionView, SignInView,
    SignUpView, Source,
};
use vestibule::password::{HashOptions, HashParameters};
use vestibule::store::{
    BoxFuture, Commit, CommitError, Committed, Keep, MemoryStore, OutboxEntry, Place, Portion, Store, StoreError,
};
use vestibule::token::{Algorithm, Gate, InstanceKey};

/// Every call that shows anything, held at each of its reads while every call that brings a session runs: the first is
/// told nothing of what the second brought.
#[tokio::test]
async fn no_call_begun_with_the_old_token_learns_what_another_call_brought() {
    let (mut held, mut brought) = (0, 0);
    for road in Road::ALL {
        let world = World::new(road).await;
        for call in CALLS {
            for read in 0..READS_MAX {
                let place = world.furnish().await;
                let outcome = world.hold(*call, &place, read).await;
                held += 1;
                if let Some((shown, secrets)) = outcome.shown_beside_secrets() {
                    brought += 1;
                    for secret in secrets {
                        assert!(!shown.contains(secret.as_str()), "{road:?} under {call:?}, read {read}: {shown}");
                    }
                }
                if !outcome.was_held {
                    break;
                }
            }
        }
    }
    assert!(held > 300 && brought > 200, "{held} pairs, {brought} sessions");
}

/// The exception of DESIGN 7: the very attempt that brought the session, made once more.
#[tokio::test]
async fn the_attempt_that_brought_the_session_is_answered_again() {
    let world = World::new(Road::Code).await;
    let place = world.furnish().await;
    let (token, before) = (place.token.clone(), world.engine.identify(Some(&place.token)).await.expect("readable"));
    let first = world.attempt(&place, &before, CODE).await.expect("a right code").1;
    for caller in [before, world.engine.identify(Some(&token)).await.expect("readable")] {
        let wrong = world.attempt(&place, &caller, "000000").await;
        assert!(wrong.is_err());
        let again = world.attempt(&place, &caller, CODE).await.expect("the same attempt").1;
        assert_eq!(again.new_token, first.new_token);
        assert_eq!(again.sessions.len(), 2);
    }
}

#[tokio::test]
async fn an_overtaken_call_changes_nothing() {
    let world = World::new(Road::Code).await;
    let place = world.furnish().await;
    let old = world.engine.identify(Some(&place.token)).await.expect("readable");
    let signed_in = world.attempt(&place, &old, CODE).await.expect("a right code").1;
    let replaced = EngineError::TokenReplaced;
    assert_eq!(world.engine.end_sessions(&old).await.expect_err("overtaken"), replaced);
    let end = world.engine.end_session(&old, place.session, true, &source()).await;
    assert_eq!(end.expect_err("overtaken"), replaced);
    let create = world.engine.create_sign_up(&old, &RawFields::default(), &source()).await;
    assert_eq!(create.expect_err("overtaken"), replaced);
    // A client of its own would take the place of the new token in the browser.
    let late = world.engine.identify(Some(&place.token)).await.expect("readable");
    assert!(late.was_replaced());
    let create = world.engine.create_sign_up(&late, &RawFields::default(), &source()).await;
    assert_eq!(create.expect_err("replaced"), replaced);
    assert_eq!(world.engine.open_client(&late, &source()).await.expect_err("replaced"), replaced);
    let new_token = signed_in.new_token.expect("a new token");
    let now = world.engine.identify(Some(new_token.expose())).await.expect("readable");
    let view = world.engine.client_view(&now, &source()).await.expect("readable").expect("a client");
    assert_eq!((view.sessions.len(), view.client.version), (2, signed_in.client.version));
}

#[tokio::test]
async fn of_several_that_present_an_owed_token_at_once_one_gets_the_session() {
    let world = World::new(Road::Backend).await;
    let place = world.furnish().await;
    world.bring(&place).await.expect("completed by the backend");
    let mut tasks = Vec::new();
    for _ in 0..16 {
        let (engine, token) = (world.engine.clone(), place.token.clone());
        tasks.push(tokio::spawn(async move {
            let caller = engine.identify(Some(&token)).await.expect("readable");
            let view = engine.client_view(&caller, &source()).await.expect("readable");
            (caller.new_token().is_some(), caller.was_replaced(), view.map(|view| view.sessions.len()))
        }));
    }
    let mut winners = 0;
    for task in tasks {
        match task.await.expect("a task") {
            (true, false, Some(2)) => winners += 1,
            (false, true, None) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(winners, 1);
}

#[tokio::test]
async fn a_client_that_nothing_was_written_for_is_only_its_token() {
    let store = Arc::new(Hooked::default());
    let key = || InstanceKey::from_bytes([7; 32].into());
    let build = |store: Arc<Hooked>| Engine::builder().settings(settings()).store(store).key(key()).build();
    let engine = build(store.clone()).await.expect("an engine");
    let written = store.commits.load(Ordering::SeqCst);
    let nobody = Caller::nobody();
    let mut opened = engine.open_client(&nobody, &source()).await.expect("a client");
    for _ in 0..1000 {
        opened = engine.open_client(&nobody, &source()).await.expect("a client");
    }
    let (id, token) = (opened.client.id, opened.new_token.expect("a token").into_inner());
    assert_eq!(opened.client.created_at, id.made_at());
    let look = async |engine: &Engine| {
        let caller = engine.identify(Some(&token)).await.expect("readable");
        let view = engine.open_client(&caller, &source()).await.expect("a client");
        assert_eq!((view.client.id, view.sessions.len(), view.new_token), (id, 0, None));
        let out = engine.end_sessions(&caller).await.expect("none to end");
        assert_eq!(out.client.id, id);
        caller
    };
    look(&engine).await;
    assert_eq!(store.commits.load(Ordering::SeqCst), written, "nothing of this is stored");
    engine.shutdown().await;

    let engine = build(store).await.expect("the engine again");
    let caller = look(&engine).await;
    let fields = RawFields { email_address: Some("ada@example.com".into()), ..RawFields::default() };
    let (sign_up, client) = engine.create_sign_up(&caller, &fields, &source()).await.expect("a sign-up");
    assert_eq!((client.client.id, client.new_token), (id, None), "its token stays good");
    // Another tab began with the same token before anything was stored.
    let (_, beside) = engine.create_sign_up(&caller, &fields, &source()).await.expect("another one");
    assert_eq!(beside.client.id, id);
    let now = engine.identify(Some(&token)).await.expect("readable");
    assert_eq!(now.client().expect("stored by now").created_at, id.made_at());
    assert!(engine.sign_up(&now, sign_up.value.id).await.is_ok());

    let forged = InstanceKey::generate().client_token(id, 0, &[0; 16]).into_inner();
    assert!(engine.identify(Some(&forged)).await.expect("readable").client().is_none());
}

#[tokio::test]
async fn a_token_that_nothing_was_written_for_is_over_after_the_time_that_clients_are_kept() {
    let policy = Policy { keep_client: Span::from_secs(1000), ..Policy::default() };
    let engine = Engine::builder().settings(settings()).policy(policy).build().await.expect("an engine");
    let opened = engine.open_client(&Caller::nobody(), &source()).await.expect("a client");
    let token = opened.new_token.expect("a token");
    engine.advance_clock(Span::from_secs(999)).await.expect("moved");
    assert!(engine.identify(Some(token.expose())).await.expect("readable").client().is_some());
    engine.advance_clock(Span::from_secs(2)).await.expect("moved");
    assert!(engine.identify(Some(token.expose())).await.expect("readable").client().is_none());
}

#[tokio::test]
async fn tokens_of_several_clients_are_nobodys_and_of_one_clients_the_current_one_counts() {
    let world = World::new(Road::Code).await;
    let place = world.furnish().await;
    let old = world.engine.identify(Some(&place.token)).await.expect("readable");
    let new = world.attempt(&place, &old, CODE).await.expect("a right code").1.new_token.expect("a token").into_inner();
    let other = world.engine.open_client(&Caller::nobody(), &source()).await.expect("a client");
    let other = other.new_token.expect("a token").into_inner();
    let garbage = "A".repeat(place.token.len());
    let among = |tokens: Vec<String>| {
        let engine = world.engine.clone();
        async move { engine.identify_among(tokens.iter().map(String::as_str)).await }
    };
    for tokens in [[&place.token, &new, &garbage], [&garbage, &new, &place.token], [&new, &new, &place.token]] {
        let caller = among(tokens.map(Clone::clone).to_vec()).await.expect("one client");
        assert_eq!(caller.client().expect("signed in").sessions.len(), 2);
    }
    for tokens in [[&new, &other], [&other, &new], [&place.token, &other], [&other, &place.token]] {
        let refused = among(tokens.map(Clone::clone).to_vec()).await;
        assert_eq!(refused.expect_err("two clients"), EngineError::SeveralClients);
    }
    let crowd = vec![garbage; 17];
    assert_eq!(among(crowd).await.expect_err("too many to look at"), EngineError::SeveralClients);
}

/// How a session comes to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Road {
    /// By the client's own calls.
    Code,
    Link,
    Password,
    SignInCode,
    SignInPassword,
    /// Elsewhere.
    Backend,
    LinkElsewhere,
}

impl Road {
    const ALL: [Self; 7] = [
        Self::Code,
        Self::Link,
        Self::Password,
        Self::SignInCode,
        Self::SignInPassword,
        Self::Backend,
        Self::LinkElsewhere,
    ];
}

/// A call by somebody whose token is known from before.
#[derive(Clone, Copy, Debug)]
enum Call {
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

const CALLS: &[Call] = &[
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

/// An engine in which sessions come by one road.
#[derive(Clone)]
struct World {
    engine: Engine,
    store: Arc<Hooked>,
    mail: Arc<Capture>,
    road: Road,
    count: Arc<AtomicUsize>,
}

/// A signed-in client with a sign-up and a sign-in in progress, either of which can bring it another session.
#[derive(Clone)]
struct Furnished {
    token: String,
    session: SessionId,
    sign_up: SignUpId,
    sign_in: SignInId,
    address: String,
}

struct Outcome {
    /// What the call that was held said.
    shown: String,
    /// What nobody but the other call may be told, where that brought a session.
    secrets: Option<Vec<String>>,
    was_held: bool,
}

impl Outcome {
    fn shown_beside_secrets(&self) -> Option<(&str, &[String])> {
        Some((self.shown.as_str(), self.secrets.as_deref()?))
    }
}

impl World {
    async fn new(road: Road) -> Self {
        let (store, mail) = (Arc::new(Hooked::default()), Arc::new(Capture::new()));
        let mut settings = settings();
        settings.sign_up.custom_action_required = road == Road::Backend;
        settings.attributes.password.required = road == Road::Password;
        settings.attack_protection.email_link.require_same_client = false;
        let policy = Policy { test_mode: true, address_limits: None, single_session: false, ..Policy::default() };
        let cheap =
            HashOptions { parameters: HashParameters { m_kib: 64, t: 1, p: 1 }, threads: 1, ..HashOptions::default() };
        let engine = Engine::builder().policy(policy).settings(settings).store(store.clone()).email(mail.clone());
        let engine = engine.algorithm(Algorithm::EdDsa).hashing(cheap).build().await.expect("an engine");
        let world = Self { engine, store, mail, road, count: Arc::default() };
        world.people().await;
        world
    }

    /// Two users: one is signed in on every client of the test, the other signs in there.
    async fn people(&self) {
        for address in [HERE, LATER] {
            let fields = RawFields {
                email_address: Some(address.into()),
                password: Some(Secret::new(PASSWORD.into())),
                strategy: Some("email_code".into()),
                ..RawFields::default()
            };
            let made = self.engine.create_sign_up(&Caller::nobody(), &fields, &source()).await;
            let (sign_up, client) = made.expect("a sign-up");
            let caller = self.known(&client.new_token.expect("a token")).await;
            let id = sign_up.value.id;
            let attempt =
                self.engine.attempt_verification(&caller, id, Some("email_code"), Some(CODE), &source()).await;
            attempt.expect("a right code");
            if self.road == Road::Backend {
                self.act(id).await;
            }
        }
    }

    async fn furnish(&self) -> Furnished {
        let signed_in = RawSignIn {
            identifier: Some(HERE.into()),
            password: Some(Secret::new(PASSWORD.into())),
            ..RawSignIn::default()
        };
        let (_, client) =
            self.engine.create_sign_in(&Caller::nobody(), &signed_in, &source()).await.expect("signed in");
        let (token, session) = (client.new_token.expect("a token"), client.sessions[0].session.id);
        let caller = self.known(&token).await;
        let n = self.count.fetch_add(1, Ordering::SeqCst);
        let is_link = matches!(self.road, Road::Link | Road::LinkElsewhere);
        let address = format!("ada{n}{}@example.com", if is_link { "" } else { "+clerk_test" });
        let fields = RawFields {
            email_address: Some(address.clone()),
            strategy: Some(if is_link { "email_link" } else { "email_code" }.into()),
            redirect_url: is_link.then(|| "http://localhost:3000/verify".into()),
            ..RawFields::default()
        };
        let (sign_up, _) = self.engine.create_sign_up(&caller, &fields, &source()).await.expect("a sign-up");
        let sign_in =
            RawSignIn { identifier: Some(LATER.into()), strategy: Some("email_code".into()), ..RawSignIn::default() };
        let (sign_in, _) = self.engine.create_sign_in(&caller, &sign_in, &source()).await.expect("a sign-in");
        let (sign_up, sign_in) = (sign_up.value.id, sign_in.value.id);
        let place = Furnished { token: token.into_inner(), session, sign_up, sign_in, address };
        if matches!(self.road, Road::Password | Road::Backend) {
            self.attempt(&place, &caller, CODE).await.expect("a right code");
        }
        place
    }

    /// Makes a call as somebody who presented the token, and has the other call run at the `read`th read of it.
    async fn hold(&self, call: Call, place: &Furnished, read: usize) -> Outcome {
        let caller = self.engine.identify(Some(&place.token)).await.expect("readable");
        let secrets = Arc::new(Mutex::new(None));
        let (world, elsewhere, found) = (self.clone(), place.clone(), secrets.clone());
        self.store.arm(read, async move {
            let brought = tokio::time::timeout(Duration::from_secs(20), world.bring(&elsewhere)).await;
            *found.lock().expect("a lock") = brought.expect("the call held no lock");
        });
        let mut shown = self.call(call, place, &caller).await;
        let was_held = !self.store.disarm();
        if !was_held {
            // It reads less often than that: the other call comes after it, and this one asks again.
            *secrets.lock().expect("a lock") = self.bring(place).await;
            shown = self.call(call, place, &caller).await;
        }
        let secrets = secrets.lock().expect("a lock").take();
        Outcome { shown, secrets, was_held }
    }

    /// Brings a session to the client by the world's road, as somebody who knows the token; `None` where the client's
    /// token is another one already. Says what only this call may be told.
    async fn bring(&self, place: &Furnished) -> Option<Vec<String>> {
        let engine = &self.engine;
        let caller = engine.identify(Some(&place.token)).await.expect("readable");
        caller.client()?;
        let source = source();
        let client = match self.road {
            Road::Code => self.attempt(place, &caller, CODE).await.ok()?.1,
            Road::Password => {
                let fields = RawFields { password: Some(Secret::new(PASSWORD.into())), ..RawFields::default() };
                engine.update_sign_up(&caller, place.sign_up, &fields, &source).await.ok()?.1
            }
            Road::SignInCode => {
                let proof =
                    RawProof { strategy: Some("email_code".into()), code: Some(CODE.into()), ..RawProof::default() };
                engine.attempt_first_factor(&caller, place.sign_in, &proof, &source).await.ok()?.1
            }
            Road::SignInPassword => {
                let proof = RawProof {
                    strategy: Some("password".into()),
                    password: Some(Secret::new(PASSWORD.into())),
                    ..RawProof::default()
                };
                engine.attempt_first_factor(&caller, place.sign_in, &proof, &source).await.ok()?.1
            }
            Road::Link => {
                let link = self.link(place).await;
                engine.follow_link(&caller, &link, false, &source).await.ok()?.client?
            }
            Road::LinkElsewhere => {
                let link = self.link(place).await;
                engine.follow_link(&Caller::nobody(), &link, true, &source).await.ok()?;
                return self.collected(place).await;
            }
            Road::Backend => {
                self.act(place.sign_up).await;
                return self.collected(place).await;
            }
        };
        let new_token = client.new_token.as_ref()?.expose().clone();
        let signs_in = matches!(self.road, Road::SignInCode | Road::SignInPassword);
        let user = (!signs_in).then(|| place.sign_up.cast());
        Some(secrets(new_token, client.client.last_active_session_id?, user))
    }

    /// What the client is owed. It is not handed out here: that would be for whoever presents the token next.
    async fn collected(&self, place: &Furnished) -> Option<Vec<String>> {
        let sign_up = self.engine.inspect_sign_up(place.sign_up).await.expect("readable");
        let Phase::Complete { session_id, .. } = sign_up.value.phase else { return None };
        Some(secrets("a token that nobody has yet".into(), session_id, Some(place.sign_up.cast())))
    }

    async fn act(&self, id: SignUpId) {
        let action = Action { custom_action: Some(true), ..Action::default() };
        // Where the sign-up was finished or replaced before, nothing comes of it.
        let _outcome = self.engine.act_on_sign_up(id, action).await;
    }

    async fn attempt(
        &self,
        place: &Furnished,
        caller: &Caller,
        code: &str,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        self.engine.attempt_verification(caller, place.sign_up, Some("email_code"), Some(code), &source()).await
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

    /// What a call shows, all of it.
    async fn call(&self, call: Call, place: &Furnished, caller: &Caller) -> String {
        let (engine, source) = (&self.engine, source());
        let (sign_up, sign_in) = (place.sign_up, place.sign_in);
        let fields = RawFields { first_name: Some("Ada".into()), ..RawFields::default() };
        let password = |text: &str| Some(Secret::new(text.to_owned()));
        let identify = |password| RawSignIn { identifier: Some(LATER.into()), password, ..RawSignIn::default() };
        match call {
            Call::ClientView => show(engine.client_view(caller, &source).await),
            Call::OpenClient => show(engine.open_client(caller, &source).await),
            Call::EndSessions => show(engine.end_sessions(caller).await),
            Call::SignUp => show(engine.sign_up(caller, sign_up).await),
            Call::SignUpAndClient => show(engine.sign_up_and_client(caller, sign_up, &source).await),
            Call::CreateSignUp => show(engine.create_sign_up(caller, &fields, &source).await),
            Call::UpdateSignUp => show(engine.update_sign_up(caller, sign_up, &fields, &source).await),
            Call::CompleteSignUp => {
                let fields = RawFields { password: password(PASSWORD), ..fields };
                show(engine.update_sign_up(caller, sign_up, &fields, &source).await)
            }
            Call::Prepare => {
                let raw = RawPrepare { strategy: Some("email_code".into()), ..RawPrepare::default() };
                show(engine.prepare(caller, sign_up, &raw, &source).await)
            }
            Call::AttemptWrong => show(self.attempt(place, caller, "000000").await),
            Call::ClaimReturn => show(engine.claim_return(caller, sign_up, "AAAA", &source).await),
            Call::FollowWrong => {
                let wrong = format!("{sign_up}.{}", "A".repeat(32));
                show(engine.follow_link(caller, &wrong, true, &source).await.map(|followed| followed.client))
            }
            Call::CreateSignIn => show(engine.create_sign_in(caller, &identify(None), &source).await),
            Call::CreateSignInWrong => {
                show(engine.create_sign_in(caller, &identify(password("wanders under oaks")), &source).await)
            }
            Call::CreateSignInRight => {
                show(engine.create_sign_in(caller, &identify(password(PASSWORD)), &source).await)
            }
            Call::SignIn => show(engine.sign_in(caller, sign_in, &source).await),
            Call::PrepareFirstFactor => {
                let raw = RawFirstFactor { strategy: Some("email_code".into()), ..RawFirstFactor::default() };
                show(engine.prepare_first_factor(caller, sign_in, &raw, &source).await)
            }
            Call::AttemptFirstFactorWrong => {
                let raw = RawProof {
                    strategy: Some("email_code".into()),
                    code: Some("000000".into()),
                    ..RawProof::default()
                };
                show(engine.attempt_first_factor(caller, sign_in, &raw, &source).await)
            }
            Call::Touch => show(engine.touch_session(caller, place.session, &source).await),
            Call::SessionToken => show(engine.session_token(caller, place.session, &source).await),
            Call::EndSession => show(engine.end_session(caller, place.session, false, &source).await),
            Call::Me => show(engine.me(caller, None).await),
            Call::AcceptTicket => format!("{:?}", engine.accept_ticket(caller, "ticket").await),
        }
    }
}

fn secrets(new_token: String, session: SessionId, user: Option<UserId>) -> Vec<String> {
    let user = user.map(|id| id.to_string());
    [new_token, session.to_string()].into_iter().chain(user).collect()
}

fn show(outcome: Result<impl Shown, EngineError>) -> String {
    let mut text = String::new();
    match outcome {
        Ok(value) => value.show(&mut text),
        Err(error) => write!(text, "{error:?}").expect("a string takes all"),
    }
    text
}

/// Writes all that a value shows, its secrets too.
trait Shown {
    fn show(&self, text: &mut String);
}

impl Shown for ClientView {
    fn show(&self, text: &mut String) {
        write!(text, "{self:?}").expect("a string takes all");
        self.new_token.show(text);
        for session in &self.sessions {
            session.show(text);
        }
    }
}

impl Shown for SessionView {
    fn show(&self, text: &mut String) {
        write!(text, "{self:?}").expect("a string takes all");
        self.token.show(text);
    }
}

impl Shown for Secret<String> {
    /// A session's token with what it says.
    fn show(&self, text: &mut String) {
        text.push_str(self.expose());
        let claims = self.expose().split('.').nth(1).and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok());
        text.push_str(&String::from_utf8_lossy(&claims.unwrap_or_default()));
    }
}

impl Shown for SignUpView {
    fn show(&self, text: &mut String) {
        write!(text, "{self:?}").expect("a string takes all");
    }
}

impl Shown for SignInView {
    fn show(&self, text: &mut String) {
        write!(text, "{self:?}").expect("a string takes all");
    }
}

impl Shown for Arc<User> {
    fn show(&self, text: &mut String) {
        // A user remembers how they signed up, and `/me` does not show that.
        write!(text, "{:?}", User { sign_up: None, ..(**self).clone() }).expect("a string takes all");
    }
}

impl<A: Shown, B: Shown> Shown for (A, B) {
    fn show(&self, text: &mut String) {
        self.0.show(text);
        self.1.show(text);
    }
}

impl<T: Shown> Shown for Option<T> {
    fn show(&self, text: &mut String) {
        if let Some(value) = self {
            value.show(text);
        }
    }
}

/// A store in memory that lets another call in at one of its reads, and counts what is committed.
#[derive(Default)]
struct Hooked {
    inner: MemoryStore,
    hook: Mutex<Option<(usize, BoxFuture<'static, ()>)>>,
    commits: AtomicUsize,
}

impl Hooked {
    fn arm(&self, read: usize, other: impl Future<Output = ()> + Send + 'static) {
        *self.hook.lock().expect("a lock") = Some((read, Box::pin(other)));
    }

    /// Whether the other call was still waiting to be let in.
    fn disarm(&self) -> bool {
        self.hook.lock().expect("a lock").take().is_some()
    }

    /// Before a read.
    async fn read(&self) {
        let due = {
            let mut hook = self.hook.lock().expect("a lock");
            match &mut *hook {
                Some((0, _)) => hook.take(),
                Some((left, _)) => {
                    *left -= 1;
                    None
                }
                None => None,
            }
        };
        if let Some((_, other)) = due {
            other.await;
        }
    }
}

impl Store for Hooked {
    fn commit(&self, batch: Vec<Commit>) -> BoxFuture<'_, Vec<Result<Committed, CommitError>>> {
        self.commits.fetch_add(batch.len(), Ordering::SeqCst);
        self.inner.commit(batch)
    }

    fn sign_up(&self, id: SignUpId) -> BoxFuture<'_, Result<Option<SignUp>, StoreError>> {
        // Actors read this too, and the other call may need the very same one.
        self.inner.sign_up(id)
    }

    fn user(&self, id: UserId) -> BoxFuture<'_, Result<Option<Arc<User>>, StoreError>> {
        Box::pin(async move {
            self.read().await;
            self.inner.user(id).await
        })
    }

    fn client(
        &self,
        id: ClientId,
    ) -> BoxFuture<'_, Result<Option<Arc<vestibule::domain::client::Client>>, StoreError>> {
        Box::pin(async move {
            self.read().await;
            self.inner.client(id).await
        })
    }

    fn holder<'a>(&'a self, identifier: &'a Identifier) -> BoxFuture<'a, Result<Option<UserId>, StoreError>> {
        Box::pin(async move {
            self.read().await;
            self.inner.holder(identifier).await
        })
    }

    fn invitation(&self, id: InvitationId) -> BoxFuture<'_, Result<Option<Invitation>, StoreError>> {
        self.inner.invitation(id)
    }

    fn invitations(
        &self,
        after: Option<InvitationId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Invitation>, StoreError>> {
        self.inner.invitations(after, limit)
    }

    fn waitlist_entry(&self, id: WaitlistEntryId) -> BoxFuture<'_, Result<Option<WaitlistEntry>, StoreError>> {
        self.inner.waitlist_entry(id)
    }

    fn waitlist(
        &self,
        after: Option<WaitlistEntryId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<WaitlistEntry>, StoreError>> {
        self.inner.waitlist(after, limit)
    }

    fn outbox(&self, after: Option<MessageId>, limit: usize) -> BoxFuture<'_, Result<Vec<OutboxEntry>, StoreError>> {
        self.inner.outbox(after, limit)
    }

    fn due(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<(Timestamp, SignUpId)>, StoreError>> {
        self.inner.due(now, limit)
    }

    fn walk(
        &self,
        place: Place,
        keep: Keep,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Portion, StoreError>> {
        self.inner.walk(place, keep, now, limit)
    }

    fn value<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.inner.value(name)
    }

    fn is_healthy(&self) -> bool {
        self.inner.is_healthy()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

fn source() -> Source {
    Source { tokens: true, gate: Gate::Client, ..Source::default() }
}

fn settings() -> Settings {
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
/// What test addresses are sent.
const CODE: &str = "424242";
/// No call reads as often.
const READS_MAX: usize = 40;

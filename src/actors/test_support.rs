//! Shared by the tests of the actors: a world in which time is paused, the store fails on demand, and messages are
//! recorded instead of sent.

mod fake_transport;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Clock;
use crate::delivery::{MessageStyle, MessageTemplates};
use crate::domain::client::ClientChange;
use crate::domain::id::{ClientId, SignUpId};
use crate::domain::policy::Policy;
use crate::domain::ports::Entropy;
use crate::domain::secret::Secret;
use crate::domain::settings::{Attribute, Settings};
use crate::domain::sign_up::{Attempt, Command, Fields, NewSignUp, Patch, Prepare};
use crate::domain::time::{Span, Timestamp};
use crate::domain::verification::Strategy;
use crate::entropy::SeededEntropy;
use crate::token::InstanceKey;

use super::{ActorContext, ActorOptions, CallError, Create, SignUpReply, System, Terms, Transports};

use crate::store::nodes_in_memory;
pub(crate) use crate::store::{Fault, FaultyStore, ReadFault, StoreRead};
pub(crate) use fake_transport::{Answer, FakeTransport};

/// A clock that shows tokio's time, and so pauses with it.
#[derive(Debug)]
pub(crate) struct PausedClock {
    began_at: Timestamp,
    began: Instant,
    reads: AtomicUsize,
}

/// Everything outside of the actors.
pub(crate) struct World {
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) email: Arc<FakeTransport>,
    pub(crate) sms: Arc<FakeTransport>,
    pub(crate) policy: Policy,
    pub(crate) options: ActorOptions,
    /// How many of the next decisions that draw random bytes will panic.
    pub(crate) panics: Arc<AtomicUsize>,
    pub(crate) clock: Arc<PausedClock>,
}

impl PausedClock {
    /// A clock that begins at `began_at`.
    pub(crate) fn new(began_at: Timestamp) -> Self {
        Self { began_at, began: Instant::now(), reads: AtomicUsize::new(0) }
    }

    /// How often it was read.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).expect("a test lasts no longer");
        self.began_at + Span::from_millis(elapsed)
    }
}

impl World {
    /// A world with an empty store, in which nothing fails and addresses have no quotas.
    pub(crate) fn new() -> Self {
        // So long that only the tests make work for the store.
        let sweep_interval = Duration::from_secs(1_000_000);
        Self {
            store: Arc::new(FaultyStore::new()),
            email: Arc::new(FakeTransport::new()),
            sms: Arc::new(FakeTransport::new()),
            policy: Policy { address_limits: None, resend_cooldown: Span::from_millis(0), ..Policy::default() },
            options: ActorOptions { shards: 1, sweep_interval, ..ActorOptions::default() },
            panics: Arc::default(),
            clock: Arc::new(PausedClock::new(Timestamp::from_millis(1_800_000_000_000))),
        }
    }

    /// Two nodes on one store. Each has its own transports.
    pub(crate) fn nodes() -> [Self; 2] {
        let clock = Arc::new(PausedClock::new(Timestamp::from_millis(1_800_000_000_000)));
        nodes_in_memory().map(|node| Self {
            store: Arc::new(FaultyStore::over(node)),
            clock: clock.clone(),
            ..Self::new()
        })
    }

    /// What the actors of this world share.
    pub(crate) fn context(&self) -> Arc<ActorContext> {
        let key = Arc::new(InstanceKey::from_bytes([7; 32].into()));
        let entropy = Fused { entropy: SeededEntropy::new(self.now().as_millis()), panics: self.panics.clone() };
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let (policy, options) = (self.policy.clone(), self.options.clone());
        let context = ActorContext::new(store, clock, key.clone(), key, Box::new(entropy), settings(), policy, options);
        Arc::new(context)
    }

    /// Starts the actors.
    pub(crate) async fn start(&self) -> System {
        System::start(self.context(), self.transports(), templates(), Vec::new()).await.expect("actors start")
    }

    /// The transports of this world.
    pub(crate) fn transports(&self) -> Transports {
        Transports { email: self.email.clone(), sms: self.sms.clone() }
    }

    /// Ends the run without a shutdown: tasks that still run reach neither the store nor a transport. The stored data
    /// is there for the next run.
    pub(crate) fn crash(&mut self) {
        self.store.cut_off();
        self.email.cut_off();
        self.sms.cut_off();
        self.store = Arc::new(self.store.reopened());
        self.email = Arc::new(FakeTransport::new());
        self.sms = Arc::new(FakeTransport::new());
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Random bytes that panic as often as they are told to.
struct Fused {
    entropy: SeededEntropy,
    panics: Arc<AtomicUsize>,
}

impl Entropy for Fused {
    fn fill(&mut self, buffer: &mut [u8]) {
        let left = self.panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        assert!(left.is_err(), "a test wanted this panic");
        self.entropy.fill(buffer);
    }
}

/// Lets everything happen that is due at this moment. Paused time moves only once all tasks wait.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Runs every ready task once. A plain tokio yield would let all of them run until they wait.
pub(crate) async fn step() {
    let mut is_back = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut is_back, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The result of `future` within an hour of paused time, so that a hanging future fails the test instead of blocking
/// it.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(3600), future).await.expect("an answer within an hour")
}

/// Moves paused time forward by this many seconds; everything that is due in them happens.
pub(crate) async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    settle().await;
}

/// Moves paused time to exactly this moment.
pub(crate) async fn pass_until(moment: Timestamp, world: &World) {
    tokio::time::sleep(moment.since(world.now()).to_std()).await;
}

/// The `n`th sign-up of a test.
pub(crate) fn sign_up_id(n: usize) -> SignUpId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&(n as u64).to_be_bytes());
    SignUpId::from_bytes(bytes)
}

/// The client of the `n`th sign-up.
pub(crate) fn client_id(n: usize) -> ClientId {
    sign_up_id(n).cast()
}

/// The first values of a sign-up with this e-mail address.
pub(crate) fn creation(n: usize, email: &str) -> Create {
    let raw = NewSignUp { email_address: Some(email.into()), ..NewSignUp::default() };
    let (fields, _) = Fields::parse(&raw.into(), &settings()).expect("good fields");
    Create {
        client: client_id(n),
        terms: Terms { changes: vec![ClientChange::Open { salt: Secret::new([1; 16]) }], end_user: None },
        fields,
        origin: None,
    }
}

/// Sets the first name, which draws no random bytes and sends nothing.
pub(crate) fn naming(name: &str) -> Command {
    let fields = Fields { first_name: Patch::Set(name.into()), ..Fields::default() };
    Command::Update(Box::new(fields))
}

/// Asks for a code.
pub(crate) fn preparation() -> Command {
    Command::Prepare(Prepare {
        strategy: Strategy::EmailCode,
        channel: None,
        redirect_url: None,
        in_cookie: false,
        taken: false,
        challenge: None,
    })
}

/// Tries a code.
pub(crate) fn attempt(code: &str) -> Command {
    Command::Attempt(Attempt { strategy: Strategy::EmailCode, code: Some(code.to_owned()), again: false })
}

/// Creates the `n`th sign-up.
pub(crate) async fn create(system: &System, n: usize, email: &str) -> Result<SignUpReply, CallError> {
    system.create(sign_up_id(n), creation(n, email)).await
}

/// Changes the `n`th sign-up.
pub(crate) async fn command(system: &System, n: usize, command: Command) -> Result<SignUpReply, CallError> {
    system.command(sign_up_id(n), client_id(n), Terms::default(), command).await
}

/// Reads the `n`th sign-up.
pub(crate) async fn read(system: &System, n: usize) -> Result<SignUpReply, CallError> {
    system.read(sign_up_id(n), client_id(n)).await
}

/// An e-mail address of a test.
pub(crate) fn address(n: usize) -> String {
    format!("person{n}@example.com")
}

/// Settings in which a sign-up requires only an e-mail address, verified by a code; the first name is optional.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::default();
    let on = Attribute { enabled: true, ..Attribute::default() };
    settings.attributes.email_address = Attribute {
        required: true,
        verify_at_sign_up: true,
        used_for_first_factor: true,
        verifications: vec![Strategy::EmailCode],
        ..on.clone()
    };
    settings.attributes.username = on.clone();
    settings.attributes.first_name = on;
    settings
}

/// Texts for messages.
pub(crate) fn templates() -> MessageTemplates {
    MessageTemplates {
        application: "Test".into(),
        verify_url: "http://localhost/v1/verify".into(),
        accept_url: "http://localhost/v1/tickets/accept".into(),
        home_url: None,
        support_email: None,
        page_host: None,
        style: MessageStyle::default(),
    }
}

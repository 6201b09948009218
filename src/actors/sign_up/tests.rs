//! The actor of one sign-up under paused time: its timer, and calls at the moment of a deadline.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Arguments, CallError, SignUpActor, SignUpMessage, SignUpReply};
use crate::actors::supervisor::SupervisorMessage;
use crate::actors::test_support::{
    World, address, attempt, client_id, command, create, creation, naming, pass, pass_until, preparation, read, settle,
    sign_up_id,
};
use crate::actors::{ActorOptions, System, Terms};
use crate::domain::field::Field;
use crate::domain::rejection::ErrorCode;
use crate::domain::sign_up::{Phase, Status};
use crate::domain::time::{Span, Timestamp};
use crate::store::Store;

#[tokio::test(start_paused = true)]
async fn an_idle_actor_asks_to_sleep_once_for_each_idle_time_however_often_it_is_woken() {
    let world = World::new();
    let alone = Alone::start(&world).await;
    alone.create().await.expect("made");
    pass(10).await;
    for _ in 0..100 {
        alone.actor.send_message(SignUpMessage::Wake).expect("alive");
    }
    pass(60).await;
    assert_eq!(alone.asked(), [(60, 1)], "for a shard that has routed one message");
    alone.read().await.expect("there");
    pass(40).await;
    alone.read().await.expect("there");
    pass(100).await;
    assert_eq!(alone.asked(), [(60, 1), (170, 3)], "each call begins the idle time anew");
    pass(60).await;
    assert_eq!(alone.asked().len(), 3, "it asks again for as long as nobody agrees");
}

#[tokio::test(start_paused = true)]
async fn an_actor_wakes_once_for_each_deadline_and_writes_nothing() {
    let mut world = World::new();
    world.options = ActorOptions { passivate_after: Duration::from_secs(3 * 86_400), ..world.options };
    let system = world.start().await;
    create(&system, 1, &address(1)).await.expect("made");
    let before = command(&system, 1, preparation()).await.expect("prepared").sign_up;
    let alone = Alone::over(system, false).await;
    settle().await;
    let commits = world.store.batches(|_| true).len();
    // Each wake-up reads the clock once. A code is valid for ten minutes, a sign-up for a day.
    let mut woken = Vec::new();
    for seconds in [590, 20, 86_400 - 620, 20, 86_400] {
        let reads = world.clock.reads();
        pass(seconds).await;
        woken.push(world.clock.reads() - reads);
    }
    assert!(woken[0] == 0 && woken[2] == 0 && woken[4] == 0, "{woken:?}");
    assert!((1..6).contains(&woken[1]) && (1..6).contains(&woken[3]), "{woken:?}");
    assert_eq!(world.store.batches(|_| true).len(), commits);
    let after = alone.read().await.expect("there").sign_up;
    assert_eq!(after, before);
    assert_eq!(after.status(world.now(), &world.policy), Status::Abandoned, "that is computed from the time");
    assert_eq!(alone.asked(), []);
}

#[tokio::test(start_paused = true)]
async fn spurious_wake_ups_change_nothing() {
    let world = World::new();
    let alone = Alone::start(&world).await;
    alone.create().await.expect("made");
    let before = alone.command(preparation()).await.expect("prepared").sign_up;
    settle().await;
    let commits = world.store.batches(|_| true).len();
    for _ in 0..1000 {
        alone.actor.send_message(SignUpMessage::Wake).expect("alive");
    }
    settle().await;
    assert_eq!(alone.read().await.expect("there").sign_up, before);
    assert_eq!((world.store.batches(|_| true).len(), alone.asked().len()), (commits, 0));
}

#[tokio::test(start_paused = true)]
async fn a_code_is_good_until_the_moment_it_expires_and_not_at_it() {
    for (early, is_good) in [(1, true), (0, false)] {
        let (world, system) = prepared().await;
        let expire_at = expiry(&system).await;
        pass_until(Timestamp::from_millis(expire_at.as_millis() - early), &world).await;
        let tried = command(&system, 1, attempt(&world.email.code(&address(1)))).await;
        match tried {
            Ok(done) => assert!(is_good && matches!(done.sign_up.phase, Phase::Complete { .. })),
            Err(CallError::Rejected(refused)) => assert!(!is_good && refused.is(ErrorCode::VerificationExpired)),
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_decided_before_a_code_expired_stands_though_it_is_written_after() {
    let (world, system) = prepared().await;
    let expire_at = expiry(&system).await;
    let code = world.email.code(&address(1));
    pass_until(expire_at.before(Span::from_secs(1)), &world).await;
    world.store.hold();
    let system = Arc::new(system);
    let in_flight = tokio::spawn({
        let (system, code) = (system.clone(), code.clone());
        async move { command(&system, 1, attempt(&code)).await }
    });
    settle().await;
    let behind = tokio::spawn({
        let system = system.clone();
        async move { command(&system, 1, attempt("000000")).await.map(drop) }
    });
    pass(5).await;
    world.store.release();
    let done = in_flight.await.expect("no panic").expect("it was in time").sign_up;
    assert!(matches!(done.phase, Phase::Complete { at, .. } if at < expire_at));
    let late = behind.await.expect("no panic").expect_err("it finds a finished sign-up");
    assert!(matches!(late, CallError::Rejected(refused) if refused.is(ErrorCode::SignUpCannotBeUpdated)));
    let user = world.store.user(sign_up_id(1).cast()).await.expect("readable");
    assert_eq!(user.expect("a user").created_at, done.updated_at);
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_sign_up_takes_nothing_whether_it_slept_or_not() {
    for passivate_after in [60, 1_000_000] {
        for (early, is_open) in [(1, true), (0, false)] {
            let mut world = World::new();
            world.options = ActorOptions { passivate_after: Duration::from_secs(passivate_after), ..world.options };
            let system = world.start().await;
            let sign_up = create(&system, 1, &address(1)).await.expect("made").sign_up;
            let abandon_at = sign_up.abandon_at(&world.policy);
            pass_until(Timestamp::from_millis(abandon_at.as_millis() - early), &world).await;
            let outcome = command(&system, 1, naming("Ada")).await;
            match outcome {
                Ok(named) => assert!(is_open && named.sign_up.abandon_at(&world.policy) > abandon_at),
                Err(CallError::Rejected(refused)) => {
                    assert!(!is_open && refused.is(ErrorCode::SignUpCannotBeUpdated));
                    assert_eq!(read(&system, 1).await.expect("there").sign_up, sign_up);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_code_is_counted_before_it_is_refused() {
    let (world, system) = prepared().await;
    let wrong = if world.email.code(&address(1)) == "000000" { "000001" } else { "000000" };
    let refused = command(&system, 1, attempt(wrong)).await.expect_err("wrong");
    assert!(matches!(refused, CallError::Rejected(refused) if refused.is(ErrorCode::FormCodeIncorrect)));
    let stored = world.store.sign_up(sign_up_id(1)).await.expect("readable").expect("there");
    assert_eq!(stored.verification(&Field::EmailAddress).expect("prepared").attempts, 1);
    assert_eq!(*read(&system, 1).await.expect("there").sign_up, stored, "what is shown is what is stored");
}

/// A sign-up that waits for its code.
async fn prepared() -> (World, System) {
    let world = World::new();
    let system = world.start().await;
    create(&system, 1, &address(1)).await.expect("made");
    command(&system, 1, preparation()).await.expect("prepared");
    settle().await;
    (world, system)
}

async fn expiry(system: &System) -> Timestamp {
    let sign_up = read(system, 1).await.expect("there").sign_up;
    sign_up.verification(&Field::EmailAddress).expect("prepared").expire_at
}

/// When an actor asked to sleep, in seconds, and after how many messages.
type Asked = Arc<Mutex<Vec<(u64, u64)>>>;

/// One actor, with a shard that records its requests to sleep and never agrees.
struct Alone {
    actor: ActorRef<SignUpMessage>,
    asked: Asked,
    _system: System,
}

struct Shard;

impl Actor for Shard {
    type Msg = SupervisorMessage;
    type State = (Instant, Asked);
    type Arguments = Asked;

    async fn pre_start(&self, _: ActorRef<Self::Msg>, asked: Asked) -> Result<Self::State, ActorProcessingErr> {
        Ok((Instant::now(), asked))
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        message: SupervisorMessage,
        (began, asked): &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisorMessage::Sleep { seen, .. } = message {
            asked.lock().expect("no panic").push((began.elapsed().as_secs(), seen));
        }
        Ok(())
    }
}

impl Alone {
    async fn start(world: &World) -> Self {
        Self::over(world.start().await, true).await
    }

    async fn over(system: System, fresh: bool) -> Self {
        let asked = Asked::default();
        let (shard, _) = Actor::spawn(None, Shard, asked.clone()).await.expect("a shard");
        let arguments = Arguments {
            id: sign_up_id(1),
            fresh,
            context: system.context().clone(),
            persister: system.persister().clone(),
            shard,
            seen: Arc::default(),
        };
        let (actor, _) = Actor::spawn(None, SignUpActor, arguments).await.expect("an actor");
        Self { actor, asked, _system: system }
    }

    fn asked(&self) -> Vec<(u64, u64)> {
        self.asked.lock().expect("no panic").clone()
    }

    async fn create(&self) -> Result<SignUpReply, CallError> {
        let create = Box::new(creation(1, &address(1)));
        self.call(|reply| SignUpMessage::Create { create, reply }).await
    }

    async fn command(&self, command: crate::domain::sign_up::Command) -> Result<SignUpReply, CallError> {
        let (client, terms) = (client_id(1), Terms::default());
        self.call(|reply| SignUpMessage::Command { client, terms, command, reply }).await
    }

    async fn read(&self) -> Result<SignUpReply, CallError> {
        self.call(|reply| SignUpMessage::Read { client: client_id(1), reply }).await
    }

    async fn call(&self, message: impl FnOnce(super::Reply) -> SignUpMessage) -> Result<SignUpReply, CallError> {
        let (reply, answer) = oneshot::channel();
        self.actor.send_message(message(reply.into())).expect("alive");
        answer.await.expect("an answer")
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_node_has_written_is_shown_and_decided_upon() {
    let [one, other] = World::nodes();
    let (first, second) = (one.start().await, other.start().await);
    create(&first, 1, &address(1)).await.expect("made");
    command(&second, 1, preparation()).await.expect("prepared");
    settle().await;
    let code = other.email.code(&address(1));
    let refused = command(&first, 1, attempt("000000")).await;
    let Err(CallError::Rejected(rejection)) = refused else { panic!("{refused:?}") };
    assert!(
        rejection.is(ErrorCode::FormCodeIncorrect),
        "the first node sees the code that the second has sent: {rejection:?}"
    );
    command(&second, 1, naming("Ada")).await.expect("named");
    assert_eq!(read(&first, 1).await.expect("shown").sign_up.first_name.as_deref(), Some("Ada"));
    let done = command(&first, 1, attempt(&code)).await.expect("verified");
    assert!(matches!(done.sign_up.phase, Phase::Complete { .. }));
    assert_eq!(read(&second, 1).await.expect("shown").sign_up.phase, done.sign_up.phase);
}

#[tokio::test(start_paused = true)]
async fn guesses_on_two_nodes_are_counted_together() {
    let [one, other] = World::nodes();
    let systems = [one.start().await, other.start().await];
    create(&systems[0], 1, &address(1)).await.expect("made");
    command(&systems[0], 1, preparation()).await.expect("prepared");
    settle().await;
    let code = one.email.code(&address(1));
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let mut told = 0;
    for n in 0..20 {
        let refused = command(&systems[n % 2], 1, attempt(wrong)).await;
        let is_told = matches!(&refused, Err(CallError::Rejected(refused)) if refused.is(ErrorCode::FormCodeIncorrect));
        told += u32::from(is_told);
    }
    assert_eq!(told, one.policy.attempts_max, "as many as on one node");
    for system in &systems {
        assert!(command(system, 1, attempt(&code)).await.is_err(), "the right code is of no use any more");
    }
}

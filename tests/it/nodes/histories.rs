//! Histories of sign-ups that several callers read, change and complete at three nodes, while the connections of the nodes to
//! the database fail at random.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use vestibule::domain::id::SignUpId;

use super::cluster::Cluster;
use super::cut::Cut;
use super::deaths::nothing_is_lost;
use super::person::{Person, RIGHT, SIGN_UPS, Spread, at_once};
use super::proxy::Mode;
use super::register::{Call, State, What, is_linearizable};
use super::{CODES, scale};
use crate::support::endpoint::{Answer, Endpoint};

/// Fails where a node shows or changes what another one has changed since, forgets what it has answered, or takes a commit whose
/// answer was lost for made or for failed without a look.
#[tokio::test(flavor = "multi_thread")]
async fn what_callers_are_told_of_a_sign_up_is_as_if_one_node_had_told_it() {
    let Some(cluster) = Cluster::start("histories", CODES) else { return };
    let nodes = &cluster.endpoints();
    let (mut people, mut kinds) = (Vec::new(), BTreeMap::<&str, usize>::new());
    for round in 0..ROUNDS * scale() {
        let begun = |n| Person::opened(&format!("ada{round}x{n}"), &mut Spread::over(nodes, n));
        let mut begun: Vec<Person> = (0..AT_ONCE).map(begun).collect();
        let mut histories = histories(&cluster, &begun, round);
        for (person, history) in begun.iter_mut().zip(&mut histories) {
            // In the end it is completed, and all nodes agree on the name.
            person.finish(&mut Spread::over(nodes, round));
            history.note(What::Finished);
            for node in nodes {
                let me = Spread::to(*node).ask("GET", "/v1/me", &person.token, "").json();
                history.note(What::Shown(State { name: number(&me["response"]), is_complete: true }));
            }
            assert!(is_linearizable(&history.calls), "no order explains {} of round {round}: {history:#?}", person.id);
            for kind in history.calls.iter().map(Call::kind) {
                *kinds.entry(kind).or_default() += 1;
            }
        }
        people.extend(begun);
    }
    let cuts: usize = cluster.nodes.iter().map(|node| node.proxy.cuts()).sum();
    assert!(kinds.len() >= KINDS && cuts > 0, "a run in which little fails shows little: {kinds:?}, {cuts} cuts");
    nothing_is_lost(&cluster.store().await, &people).await;
}

/// What the callers were told of one sign-up.
#[derive(Clone, Debug, Default)]
struct History {
    time: u64,
    calls: Vec<Call>,
}

impl History {
    fn tick(&mut self) -> u64 {
        self.time += 1;
        self.time
    }

    /// A call that nobody made another one beside.
    fn note(&mut self, what: What) {
        let (began, ended) = (self.tick(), Some(self.tick()));
        self.calls.push(Call { began, ended, what });
    }
}

/// Lets all callers call while connections fail.
fn histories(cluster: &Cluster, people: &[Person], round: usize) -> Vec<History> {
    let (nodes, is_over) = (&cluster.endpoints(), &AtomicBool::new(false));
    let histories: Vec<Mutex<History>> = people.iter().map(|_| Mutex::default()).collect();
    let told = &histories;
    thread::scope(|scope| {
        scope.spawn(|| fail(cluster, people, round, is_over));
        let caller = |index: usize| {
            let (person, history) = (&people[index / CALLERS], &told[index / CALLERS]);
            move || calls(person, index % CALLERS, Spread::over(nodes, round * people.len() * CALLERS + index), history)
        };
        at_once((0..people.len() * CALLERS).map(caller).collect());
        is_over.store(true, Ordering::SeqCst);
    });
    histories.into_iter().map(|history| history.into_inner().expect("no panic")).collect()
}

/// The calls of one caller, one after the other. The first caller of a sign-up completes it, or tries to.
fn calls(person: &Person, caller: usize, mut nodes: Spread, history: &Mutex<History>) {
    for n in 0..CALLS {
        let name = caller * CALLS + n;
        let began = history.lock().expect("no panic").tick();
        let (node, dice) = (nodes.any(), nodes.below(10));
        let told = match n {
            COMPLETED_AT if caller == 0 => complete(person, node),
            _ if dice < 5 => show(person, node),
            _ => change(person, node, name),
        };
        let mut history = history.lock().expect("no panic");
        let ended = told.is_certain.then(|| history.tick());
        history.calls.extend(told.what.map(|what| Call { began, ended, what }));
        drop(history);
        thread::sleep(Duration::from_millis(nodes.below(40)));
    }
}

/// What an answer tells.
struct Told {
    what: Option<What>,
    is_certain: bool,
}

impl Told {
    /// `what` if the call was answered with 200. A call without an answer, or with 503, may have done it, or do it yet.
    fn of(answer: std::io::Result<Answer>, what: impl FnOnce(Option<&Value>) -> Option<What>) -> Self {
        match answer {
            Ok(answer) if answer.status == 200 => {
                Self { what: what(Some(&answer.json()["response"])), is_certain: true }
            }
            Ok(answer) if answer.status < 500 => {
                let codes = answer.error_codes();
                assert!(codes.iter().all(|code| OVER.contains(&code.as_str())), "{codes:?}: {}", answer.body);
                Self { what: Some(What::Refused), is_certain: true }
            }
            Ok(answer) if answer.status != 503 => panic!("{}: {}", answer.status, answer.body),
            _ => Self { what: what(None), is_certain: false },
        }
    }
}

fn show(person: &Person, node: Endpoint) -> Told {
    let answer = node.native("GET", &format!("{SIGN_UPS}/{}", person.id), &person.token, "");
    Told::of(answer, |shown| {
        let shown = shown?;
        Some(What::Shown(State { name: number(shown), is_complete: shown["status"] == "complete" }))
    })
}

fn change(person: &Person, node: Endpoint, name: usize) -> Told {
    let name = u32::try_from(name).expect("a few calls");
    let path = format!("{SIGN_UPS}/{}", person.id);
    Told::of(node.native("PATCH", &path, &person.token, &format!("first_name=Ada{name}")), |changed| {
        assert!(changed.is_none_or(|changed| number(changed) == Some(name)), "{changed:?}");
        Some(What::Named(name))
    })
}

fn complete(person: &Person, node: Endpoint) -> Told {
    let path = format!("{SIGN_UPS}/{}/attempt_verification", person.id);
    Told::of(node.native("POST", &path, &person.token, &format!("strategy=email_code&code={RIGHT}")), |completed| {
        assert!(completed.is_none_or(|completed| completed["status"] == "complete"), "{completed:?}");
        Some(What::Finished)
    })
}

/// The number in a name.
fn number(shown: &Value) -> Option<u32> {
    let name = shown["first_name"].as_str()?;
    Some(name.strip_prefix("Ada").and_then(|number| number.parse().ok()).expect("a name of this test"))
}

/// Lets one connection or another fail, one at a time, until it is over.
fn fail(cluster: &Cluster, people: &[Person], round: usize, is_over: &AtomicBool) {
    let mut dice = Spread::over(&cluster.endpoints(), round + 1000);
    let mut choose = |count: usize| dice.below(count as u64) as usize;
    while !is_over.load(Ordering::SeqCst) {
        let proxy = &cluster.nodes[choose(cluster.nodes.len())].proxy;
        let id = *people[choose(people.len())].id.parse::<SignUpId>().expect("an id").as_bytes();
        match choose(8) {
            0 => proxy.set(Mode::Refuse),
            1 => proxy.set(Mode::Delay(Duration::from_millis(30))),
            2 => proxy.reset(),
            3 | 4 => proxy.cut_batches(Cut::AfterIt, id, 1 + choose(3)),
            5 | 6 => proxy.cut_batches(Cut::BeforeIt, id, 1 + choose(3)),
            _ => {}
        }
        thread::sleep(Duration::from_millis(20 + choose(100) as u64));
        proxy.set(Mode::Pass);
    }
    for node in &cluster.nodes {
        node.proxy.cut_batches(Cut::BeforeIt, [0; 16], 0);
    }
}

const ROUNDS: usize = 3;
/// How many sign-ups there are at once, and how many callers call for each.
const AT_ONCE: usize = 4;
const CALLERS: usize = 3;
/// How often each of them calls, and with which call one completes the sign-up.
const CALLS: usize = 16;
const COMPLETED_AT: usize = 12;
/// What is said of a sign-up that is over.
const OVER: &[&str] = &["client_state_invalid", "sign_up_cannot_be_updated"];
/// How many kinds of answers there are at least: calls without an answer are a fifth one.
const KINDS: usize = 4;

//! Processes that end at once, nodes and the database: what was acknowledged before is there, and people go on at what is left.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use vestibule::store::Store;

use super::cluster::Cluster;
use super::database::Database;
use super::kept::Kept;
use super::person::{Person, Spread};
use super::{CODES, scale};
use crate::support::endpoint::Endpoint;

/// Fails where a node answers before its commit is durable, where a sign-up lives in one node alone, or where a part of a commit
/// can be there without the rest.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_nodes_die_and_people_go_on_at_others() {
    let Some(mut cluster) = Cluster::start("nodes_die", CODES) else { return };
    let (number, mut all, mut again) = (AtomicUsize::new(0), Vec::new(), 0);
    for round in 0..KILLS * scale() {
        let nodes = cluster.endpoints();
        let dying = round % nodes.len();
        let (people, repeated) = under_load(&nodes, &number, |done| {
            wait_until(done, PEOPLE);
            cluster.nodes[dying].kill_in_place();
            wait_until(done, 2 * PEOPLE);
        });
        again += repeated;
        let left: Vec<Endpoint> = (0..nodes.len()).filter(|index| *index != dying).map(|index| nodes[index]).collect();
        check_all(&people, &left);
        cluster.nodes[dying].kill();
        cluster.nodes[dying].start();
        check_all(&people, &[cluster.nodes[dying].endpoint()]);
        all.extend(people);
    }
    assert!(again > 0, "no request met a node that was dead");
    let finished = nothing_is_lost(&cluster.store().await, &all).await;
    assert!(finished >= 2 * PEOPLE, "{finished} users");
}

/// The same where all processes of the database are killed, and it starts again.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_database_dies_and_all_nodes_recover_by_themselves() {
    let Some(mut database) = Database::start(&[]) else { return assert!(crate::postgres::cluster::url().is_none()) };
    let cluster = Cluster::over(&database.socket(), "database_dies", |_| CODES.to_owned());
    let (number, mut all) = (AtomicUsize::new(0), Vec::new());
    for _ in 0..scale() {
        let nodes = cluster.endpoints();
        let (people, again) = under_load(&nodes, &number, |done| {
            wait_until(done, PEOPLE);
            database.kill();
            let before = done.load(Ordering::SeqCst);
            thread::sleep(Duration::from_millis(300));
            assert!(done.load(Ordering::SeqCst) <= before + CALLERS, "somebody signed up without a database");
            database.start_again();
            wait_until(done, 2 * PEOPLE);
        });
        assert!(again > 0, "no request met a database that was dead");
        for node in &cluster.nodes {
            check_all(&people, &[node.endpoint()]);
            assert!(node.is_ready(), "{}", node.log());
        }
        all.extend(people);
    }
    nothing_is_lost(&cluster.store_at(database.url()).await, &all).await;
}

/// Lets people sign up one after the other on some threads while `happens` happens: it is shown how many users there are.
/// Returns them all, and how many requests were made again.
pub(super) fn under_load(
    nodes: &[Endpoint],
    number: &AtomicUsize,
    happens: impl FnOnce(&AtomicUsize),
) -> (Vec<Person>, usize) {
    let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (stop, done) = (&stop, &done);
    thread::scope(|scope| {
        let caller = |_| scope.spawn(move || sign_up_until(stop, nodes, number, done));
        let callers: Vec<ScopedJoinHandle<'_, (Vec<Person>, usize)>> = (0..CALLERS).map(caller).collect();
        happens(done);
        stop.store(true, Ordering::SeqCst);
        let (mut people, mut again) = (Vec::new(), 0);
        for caller in callers {
            let (of_caller, repeated) = caller.join().expect("a caller");
            people.extend(of_caller);
            again += repeated;
        }
        (people, again)
    })
}

fn sign_up_until(
    stop: &AtomicBool,
    nodes: &[Endpoint],
    number: &AtomicUsize,
    done: &AtomicUsize,
) -> (Vec<Person>, usize) {
    let (mut people, mut again) = (Vec::new(), 0);
    while !stop.load(Ordering::SeqCst) {
        let index = number.fetch_add(1, Ordering::SeqCst);
        let mut spread = Spread::over(nodes, index);
        let mut person = Person::opened(&format!("ada{index}"), &mut spread);
        person.guess(&mut spread);
        // Some leave.
        if !index.is_multiple_of(5) {
            person.finish(&mut spread);
            done.fetch_add(1, Ordering::SeqCst);
        }
        again += spread.again;
        people.push(person);
    }
    (people, again)
}

/// Waits until this many people have signed up.
pub(super) fn wait_until(done: &AtomicUsize, count: usize) {
    for _ in 0..WAITS_MAX {
        if done.load(Ordering::SeqCst) >= count {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{} people have signed up, and not {count}", done.load(Ordering::SeqCst));
}

pub(super) fn check_all(people: &[Person], nodes: &[Endpoint]) {
    for (index, person) in people.iter().enumerate() {
        person.check(&mut Spread::over(nodes, index));
    }
}

/// Each user that was acknowledged is there, and nobody else; returns how many.
pub(super) async fn nothing_is_lost(store: &dyn Store, people: &[Person]) -> usize {
    let addresses: Vec<String> = people.iter().map(Person::plain_address).collect();
    let kept = Kept::checked(store, &addresses).await;
    let mut expected: Vec<String> = people.iter().filter_map(|person| person.user.clone()).collect();
    let mut found: Vec<String> = kept.users.iter().map(ToString::to_string).collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    found.len()
}

const KILLS: usize = 3;
const CALLERS: usize = 6;
/// How many people have signed up before something is killed, and how many more after it.
const PEOPLE: usize = 15;
const WAITS_MAX: usize = 6000;

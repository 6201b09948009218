//! Seeded histories of several nodes over one map that is slow and loses answers, compared with what must hold whatever the
//! order is.
//!
//! `VESTIBULE_FAULT_SEEDS=N cargo test --lib nodes::tests::histories` tries N seeds; `VESTIBULE_FAULT_SEED=S` tries one.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use super::register::{Call, What, is_linearizable};
use super::*;
use crate::domain::event::{Event, Position};
use crate::store::kv::shared_memory::{Chance, FaultyMap};
use crate::store::{Direction, StoreError, UserList, UserOrder};

type Node = KvStore<Nodes<FaultyMap>>;

/// What the calls of a history were told.
#[derive(Debug, Default)]
struct Told {
    /// Counts the beginnings and ends of calls.
    time: u64,
    registers: BTreeMap<u8, Vec<Call>>,
    /// The ids of users that were created, each with its address, and whether that is certain.
    created: Vec<(u8, &'static str, bool)>,
    /// The users whose removal was tried, and for which of them it is certain.
    removed: BTreeMap<u8, bool>,
    /// For each address: the guesses that were made, those that may have been made, and those that were too many.
    guesses: BTreeMap<&'static str, [u32; 3]>,
    /// For each client the versions that commits made of it, with their beginnings and ends.
    clients: BTreeMap<u8, Vec<(u64, u64, u64)>>,
    /// The positions of the last events of commits, with their beginnings and ends.
    positions: Vec<(u64, u64, Position)>,
    /// What a reader of the events has seen.
    seen: Vec<Position>,
    overloaded: u32,
}

#[test]
fn what_several_nodes_decide_is_as_if_one_had_decided_it() {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let seeds = match (number("VESTIBULE_FAULT_SEED"), number("VESTIBULE_FAULT_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, count) => 0..count.unwrap_or(SEEDS),
    };
    let (mut calls, mut overloaded, mut refused) = (0, 0, 0);
    for seed in seeds.clone() {
        let tried = std::panic::catch_unwind(|| history(seed, true));
        let (told, memory) = tried.unwrap_or_else(|_| panic!("seed {seed} fails; try VESTIBULE_FAULT_SEED={seed}"));
        calls += told.time / 2;
        overloaded += u64::from(told.overloaded);
        refused += memory.counts().1 as u64;
    }
    if seeds.end - seeds.start >= SEEDS {
        assert!(refused * 20 > calls, "only {refused} conflicts in {calls} calls: the nodes do not meet");
        assert!(overloaded * 20 < calls, "{overloaded} of {calls} calls gave up");
    }
}

fn history(seed: u64, compares: bool) -> (Told, SharedMemory) {
    let mut chance = Chance::of(seed);
    let memory = SharedMemory::default();
    // Some histories have no faults, and some very many.
    let map = FaultyMap::over(memory.clone(), seed, [0, 30, 100, 300][chance.below(4) as usize]);
    let map = if compares { map } else { map.that_compares_nothing() };
    let nodes: Vec<_> = (0..2 + chance.below(2)).map(|_| Arc::new(map.node())).collect();
    let told = Arc::new(Mutex::new(Told::default()));
    let mut tasks: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        for caller in 0..2 {
            let name = u8::try_from(2 * index + caller).expect("a few callers");
            tasks.push(Box::pin(calls(
                name,
                node.clone(),
                told.clone(),
                Chance::of(seed ^ (u64::from(name) + 1) << 32),
            )));
        }
    }
    tasks.push(Box::pin(follow(nodes[0].clone(), told.clone())));
    interleave(tasks, &mut chance);
    map.finish();
    let told = std::mem::take(&mut *told.lock().expect("no panic"));
    check(&told, &memory);
    (told, memory)
}

#[test]
fn histories_over_a_map_that_compares_nothing_are_found_wrong() {
    let is_wrong = |seed| std::panic::catch_unwind(|| history(seed, false)).is_err();
    let found = (0..20).filter(|seed| is_wrong(*seed)).count();
    assert!(found > 10, "only {found} of 20");
}

/// Runs the tasks in a random order until all are at their end.
fn interleave(mut tasks: Vec<Pin<Box<dyn Future<Output = ()>>>>, chance: &mut Chance) {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..STEPS_MAX {
        if tasks.is_empty() {
            return;
        }
        let index = chance.below(tasks.len() as u64) as usize;
        if tasks[index].as_mut().poll(&mut context).is_ready() {
            drop(tasks.swap_remove(index));
        }
    }
    panic!("{} callers have no answer", tasks.len());
}

/// The calls of one caller, one after the other.
async fn calls(name: u8, node: Arc<Node>, told: Arc<Mutex<Told>>, mut chance: Chance) {
    // What the caller read last of each register.
    let mut known = [None; 2];
    for n in 0..CALLS {
        let began = tick(&told);
        let id = name * 16 + n;
        match chance.below(10) {
            0 | 1 => {
                let register = chance.below(2) as u8;
                if let Ok(found) = node.value(&register_name(register)).await {
                    let found = found.map(|bytes| u32::from_be_bytes(bytes.try_into().expect("a number")));
                    known[usize::from(register)] = found;
                    record(&told, register, began, What::Read(found), true);
                }
            }
            2..=4 => {
                let register = chance.below(2) as u8;
                let (from, to) = (known[usize::from(register)], u32::from(id) + 1);
                let answer = commit(&node, &told, began, set(&register_name(register), from, to)).await;
                let is_done = match answer {
                    Ok(_) | Err(CommitError::Unknown) => true,
                    Err(CommitError::Stale) => false,
                    Err(_) => continue,
                };
                known[usize::from(register)] = Some(to).filter(|_| answer.is_ok()).or(from);
                record(&told, register, began, What::Set { from, to, is_done }, answer.is_ok() || !is_done);
            }
            5 | 6 => {
                let address = ADDRESSES[chance.below(ADDRESSES.len() as u64) as usize];
                let answer = commit(&node, &told, began, create(user(id, address), true)).await;
                if matches!(answer, Ok(_) | Err(CommitError::Unknown)) {
                    told.lock().expect("no panic").created.push((id, address, answer.is_ok()));
                }
            }
            7 => {
                let created: Vec<_> = told.lock().expect("no panic").created.iter().map(|created| created.0).collect();
                let Some(id) = created.get(chance.below(created.len().max(1) as u64) as usize) else { continue };
                let answer = commit(&node, &told, began, remove(*id, 1)).await;
                if matches!(answer, Ok(_) | Err(CommitError::Unknown)) {
                    *told.lock().expect("no panic").removed.entry(*id).or_default() |= answer.is_ok();
                }
            }
            8 => {
                let address = ["one@example.com", "other@example.com"][chance.below(2) as usize];
                let answer = commit(&node, &told, began, guess(address)).await;
                let kind = match answer {
                    Ok(_) => 0,
                    Err(CommitError::Unknown) => 1,
                    Err(CommitError::LimitExceeded { .. }) => 2,
                    Err(_) => continue,
                };
                told.lock().expect("no panic").guesses.entry(address).or_default()[kind] += 1;
            }
            _ => {
                let client = chance.below(2) as u8;
                let answer = commit(&node, &told, began, opened(ClientId::from_bytes([client; 16]))).await;
                if let Ok(Committed { client: Some(made), .. }) = answer {
                    let ended = tick(&told);
                    told.lock().expect("no panic").clients.entry(client).or_default().push((
                        began,
                        ended,
                        made.version,
                    ));
                }
            }
        }
    }
}

/// Commits alone, or beside another commit.
async fn commit(node: &Node, told: &Mutex<Told>, began: u64, commit: Commit) -> Result<Committed, CommitError> {
    let answer = node.commit(vec![commit]).await.remove(0);
    let ended = tick(told);
    let mut told = told.lock().expect("no panic");
    match &answer {
        Ok(Committed { last_event: Some(position), .. }) => told.positions.push((began, ended, *position)),
        Err(CommitError::Overloaded) => told.overloaded += 1,
        _ => {}
    }
    answer
}

/// Reads the events as they come.
async fn follow(node: Arc<Node>, told: Arc<Mutex<Told>>) {
    for _ in 0..2 * CALLS {
        let after = told.lock().expect("no panic").seen.last().copied();
        if let Ok(page) = node.events(after, 3).await {
            told.lock().expect("no panic").seen.extend(page.events.iter().map(|event| event.position));
        }
    }
}

fn check(told: &Told, memory: &SharedMemory) {
    for calls in told.registers.values() {
        assert!(is_linearizable(calls), "no order explains {calls:#?}");
    }
    let store = memory.node();
    let (users, count, events) = futures_util::FutureExt::now_or_never(async {
        let list = UserList { order: UserOrder::Created, direction: Direction::Ascending, after: None };
        let users = store.users(list, 1000).await?;
        for user in &users {
            let owner = store.owner(&user.email_addresses[0].value.identifier()).await?;
            assert_eq!(owner, Some(user.id), "a user holds its address");
        }
        Ok::<_, StoreError>((users, store.count_users().await?, store.events(None, 10_000).await?.events))
    })
    .expect("memory does not wait")
    .expect("memory reads");
    let ids: BTreeSet<_> = users.iter().map(|user| user.id.as_bytes()[0]).collect();
    let mailboxes: BTreeSet<_> =
        users.iter().map(|user| user.email_addresses[0].value.as_str().replace('.', "")).collect();
    assert_eq!((mailboxes.len(), count), (users.len(), users.len() as u64), "one user for an address, and all counted");
    for (id, address, is_certain) in &told.created {
        let removed = told.removed.get(id);
        assert!(ids.contains(id) || !is_certain || removed.is_some(), "user {id} with {address} is lost");
        assert!(!ids.contains(id) || removed != Some(&true), "user {id} is still there");
    }
    for (address, [made, perhaps, refused]) in &told.guesses {
        assert!(*made <= GUESSES, "{made} guesses at {address}");
        assert!(*refused == 0 || made + perhaps >= GUESSES, "refused at {address} without a reason");
    }
    for (client, versions) in &told.clients {
        let in_order = |(a, b): (&(u64, u64, u64), &(u64, u64, u64))| a.1 >= b.0 || a.2 < b.2;
        let pairs = versions.iter().flat_map(|one| versions.iter().map(move |other| (one, other)));
        assert!(pairs.into_iter().all(in_order), "client {client} goes back: {versions:?}");
        let distinct: BTreeSet<_> = versions.iter().map(|(_, _, version)| version).collect();
        assert_eq!(distinct.len(), versions.len(), "client {client} has a version twice: {versions:?}");
    }
    check_events(told, &events);
}

/// The log has no gap, no position twice, and the order in which the commits were acknowledged; and who has followed it has
/// seen all of it up to the end.
fn check_events(told: &Told, events: &[Event]) {
    let all: Vec<_> = events.iter().map(|event| event.position).collect();
    let numbers: Vec<_> =
        events.iter().map(|event| event.position.sequence()).collect::<BTreeSet<_>>().into_iter().collect();
    assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "a gap: {numbers:?}");
    for (began, ended, position) in &told.positions {
        assert!(all.contains(position), "an acknowledged event is lost");
        let later = told.positions.iter().filter(|other| other.0 > *ended);
        assert!(later.clone().all(|other| other.2 > *position), "not in the order of the commits");
        assert!(told.positions.iter().filter(|other| other.2 == *position).count() == 1, "twice: {began}");
    }
    assert_eq!(told.seen, all[..told.seen.len()], "a reader missed an event");
}

fn tick(told: &Mutex<Told>) -> u64 {
    let mut told = told.lock().expect("no panic");
    told.time += 1;
    told.time
}

fn record(told: &Mutex<Told>, register: u8, began: u64, what: What, is_told: bool) {
    let ended = is_told.then(|| tick(told));
    told.lock().expect("no panic").registers.entry(register).or_default().push(Call { began, ended, what });
}

fn register_name(register: u8) -> String {
    format!("register {register}")
}

const SEEDS: u64 = 1000;
const CALLS: u8 = 8;
const STEPS_MAX: usize = 1_000_000;
/// The last three are one mailbox.
const ADDRESSES: [&str; 5] =
    ["ada@example.com", "eve@example.com", "a.da@gmail.com", "ad.a@gmail.com", "ada@gmail.com"];

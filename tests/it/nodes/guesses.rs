//! Guesses of one code on all nodes at once: no more of them learn anything than one node would allow.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use super::cluster::Cluster;
use super::person::{Person, RIGHT, Spread, at_once};
use super::{CODES, scale};
use crate::support::endpoint::Answer;

/// Fails where an answer is revealed before the attempt is counted in the store.
#[test]
fn one_code_takes_as_many_guesses_of_three_nodes_as_of_one() {
    let Some(cluster) = Cluster::start("guesses", CODES) else { return };
    let nodes = cluster.endpoints();
    for round in 0..ROUNDS * scale() {
        let person = Person::opened(&format!("ada{round}"), &mut Spread::over(&nodes, round));
        let guess = |index: usize| {
            let (person, node) = (&person, nodes[index % nodes.len()]);
            move || {
                let answer = person.attempt(&mut Spread::to(node), &wrong(index));
                (revealed(&answer), index % 3, answer.error_codes().concat())
            }
        };
        let answers = at_once((0..GUESSES).map(guess).collect());
        let learned = answers.iter().filter(|(learned, ..)| *learned).count();
        let mut kinds = BTreeMap::new();
        for (_, node, code) in answers {
            *kinds.entry((node, code)).or_insert(0) += 1;
        }
        let shown = person.sign_up(&mut Spread::to(nodes[2]))["verifications"].clone();
        assert_eq!(learned, LIMIT, "of {GUESSES} guesses: {kinds:?} {shown}");
        for node in &nodes {
            let right = person.attempt(&mut Spread::to(*node), RIGHT);
            assert!(right.status >= 400 && !revealed(&right), "{}", right.body);
        }
    }
}

/// Fails where nodes count the attempts on an address each for themselves.
#[test]
fn one_address_takes_as_many_guesses_of_three_nodes_as_of_one() {
    let config = "settings.file = \"email_code\"\nlimits.address = true\nlimits.address_guesses_per_hour = 12\n\
                  limits.address_guesses_per_client_per_hour = 12\nlimits.address_messages_per_hour = 100\n\
                  limits.address_messages_per_client_per_hour = 100\nverification.attempts_max = 5\n";
    let Some(cluster) = Cluster::start("address_guesses", config) else { return };
    let nodes = cluster.endpoints();
    let open = |index: usize| {
        let node = nodes[index % nodes.len()];
        move || Person::opened("ada", &mut Spread::to(node))
    };
    let people = at_once((0..SIGN_UPS).map(open).collect());
    let guess = |index: usize| {
        // Each sign-up is guessed at on another node than the one where it began, too.
        let (person, node) = (&people[index % people.len()], nodes[index / people.len() % nodes.len()]);
        move || {
            let answer = person.attempt(&mut Spread::to(node), &wrong(index));
            (revealed(&answer), answer.status)
        }
    };
    let answers = at_once((0..GUESSES).map(guess).collect());
    let learned = answers.iter().filter(|(learned, _)| *learned).count();
    assert_eq!(learned, 12, "{answers:?}");
}

/// Fails where a node that was stopped for a while writes what it had decided before, over what the others did meanwhile.
#[test]
fn a_node_that_was_stopped_among_attempts_counts_none_twice() {
    let Some(cluster) = Cluster::start("stopped", CODES) else { return };
    let nodes = cluster.endpoints();
    let mut seen = BTreeMap::<usize, usize>::new();
    for round in 0..ROUNDS * scale() {
        let person = Person::opened(&format!("ada{round}"), &mut Spread::to(nodes[0]));
        person.sign_up(&mut Spread::to(nodes[1]));
        let person = &person;
        let learned: usize = thread::scope(|scope| {
            let guess = |node, index| {
                let of_it = move || usize::from(revealed(&person.attempt(&mut Spread::to(node), &wrong(index))));
                scope.spawn(of_it)
            };
            let stopped: Vec<_> = (0..6).map(|index| guess(nodes[0], index)).collect();
            // At another moment of the attempts each time.
            thread::sleep(Duration::from_millis(round as u64 * 2));
            cluster.nodes[0].pause();
            let others: Vec<_> = (6..10).map(|index| guess(nodes[1 + index % 2], index)).collect();
            let of_others: usize = others.into_iter().map(|guess| guess.join().expect("an answer")).sum();
            cluster.nodes[0].go_on();
            of_others + stopped.into_iter().map(|guess| guess.join().expect("an answer")).sum::<usize>()
        });
        *seen.entry(learned).or_default() += 1;
        assert!(learned <= LIMIT, "{learned} guesses have learned something");
        let shown = person.sign_up(&mut Spread::to(nodes[2]));
        let attempts = shown["verifications"]["email_address"]["attempts"].as_u64();
        assert_eq!(attempts, Some(LIMIT as u64), "{shown}");
        let right = person.attempt(&mut Spread::to(nodes[0]), RIGHT);
        assert!(right.status >= 400, "{}", right.body);
    }
    assert!(seen.contains_key(&LIMIT), "{seen:?}");
}

/// Another wrong code for each guess: one that is sent again while it is under way has the same answer, and is counted once.
fn wrong(index: usize) -> String {
    format!("{:06}", 100_000 + index)
}

/// Whether an answer tells the person that their code was a wrong one.
fn revealed(answer: &Answer) -> bool {
    assert_ne!(answer.status, 200, "{}", answer.body);
    answer.error_codes() == ["form_code_incorrect"]
}

/// How many attempts a code allows.
const LIMIT: usize = 5;
const GUESSES: usize = 96;
const SIGN_UPS: usize = 9;
const ROUNDS: usize = 4;

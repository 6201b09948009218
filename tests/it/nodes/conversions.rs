//! One address, and one sign-up, that many nodes would make a user of.

use super::cluster::Cluster;
use super::kept::Kept;
use super::person::{Person, RIGHT, Spread, at_once};
use super::{CODES, scale};

/// Fails where a node trusts what it remembers of an identifier, or writes it without a look at what is there.
#[tokio::test(flavor = "multi_thread")]
async fn one_address_becomes_one_user_however_many_sign_ups_of_it_end_at_once() {
    let Some(cluster) = Cluster::start("one_address", CODES) else { return };
    let nodes = cluster.endpoints();
    let open = |index: usize| {
        let node = nodes[index % nodes.len()];
        move || Person::opened("ada", &mut Spread::to(node))
    };
    let people = at_once((0..SIGN_UPS * scale()).map(open).collect());
    let finish = |(index, person): (usize, Person)| {
        let node = nodes[index % nodes.len()];
        move || person.attempt(&mut Spread::to(node), RIGHT)
    };
    let answers = at_once(people.into_iter().enumerate().map(finish).collect());
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(done.len(), 1, "{done:?}");
    for answer in refused {
        assert_eq!((answer.status, answer.error_codes()), (422, vec!["form_identifier_exists".to_owned()]));
    }
    let kept = Kept::checked(&cluster.store().await, &["ada+clerk_test@example.com".to_owned()]).await;
    assert_eq!(kept.users.len(), 1);
}

/// Fails where two nodes each complete a sign-up that both have loaded, or where the second one calls it an error.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_sent_to_all_nodes_at_once_makes_one_user_and_each_says_which() {
    let Some(cluster) = Cluster::start("one_code", CODES) else { return };
    let nodes = cluster.endpoints();
    let mut addresses = Vec::new();
    for round in 0..ROUNDS * scale() {
        let mut person = Person::opened(&format!("ada{round}"), &mut Spread::over(&nodes, round));
        // Each of them has it loaded by now.
        for node in &nodes {
            person.sign_up(&mut Spread::to(*node));
        }
        let send = |node| {
            let person = &person;
            move || person.attempt(&mut Spread::to(node), RIGHT)
        };
        let answers = at_once(nodes.iter().flat_map(|node| [send(*node), send(*node)]).collect());
        for answer in &answers {
            person.note_completion(answer);
        }
        person.check(&mut Spread::over(&nodes, round));
        addresses.push(person.plain_address());
    }
    let kept = Kept::checked(&cluster.store().await, &addresses).await;
    assert_eq!(kept.users.len(), addresses.len());
}

const SIGN_UPS: usize = 60;
const ROUNDS: usize = 10;

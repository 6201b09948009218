//! Sign-ups whose time ends while all nodes sweep and people still send their code.

use std::thread;
use std::time::Duration;

use vestibule::domain::event::Happened;
use vestibule::domain::id::SignUpId;

use super::cluster::Cluster;
use super::kept::Kept;
use super::person::{Person, RIGHT, Spread, at_once};
use super::scale;

/// Fails where a sign-up can become a user after its time, or where two sweeps of it are told as two ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_at_the_end_of_its_time_becomes_a_user_or_is_abandoned_and_never_both() {
    let config = "settings.file = \"email_code\"\nlimits.address = false\nsign_up.abandon_after_s = 2\n\
                  sign_up.keep_finished_s = 0\n";
    let Some(cluster) = Cluster::start("abandoned", config) else { return };
    let nodes = cluster.endpoints();
    let people = SIGN_UPS * scale();
    let wait = |index: usize| {
        let nodes = &nodes;
        move || {
            let mut spread = Spread::over(nodes, index);
            let mut person = Person::opened(&format!("ada{index}"), &mut spread);
            // From well before the end to well after it.
            thread::sleep(Duration::from_millis(1700 + (index * 600 / people) as u64));
            let late = person.attempt(&mut spread, RIGHT);
            if late.status == 200 {
                person.note_completion(&late);
            }
            person
        }
    };
    let people = at_once((0..people).map(wait).collect());
    let store = cluster.store().await;
    let addresses: Vec<String> = people.iter().map(Person::plain_address).collect();
    let mut tries = 0;
    let kept = loop {
        let kept = Kept::checked(&store, &addresses).await;
        if people.iter().all(|person| person.user.is_some() || kept.abandoned(id_of(person)) > 0) {
            break kept;
        }
        tries += 1;
        assert!(tries < 300, "not all of them were swept");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let mut ends = [0, 0];
    for person in &people {
        let id = id_of(person);
        let is_it = |what: &Happened| matches!(what, Happened::SignUpCompleted { id: of, .. } if *of == id);
        let completed = kept.events.iter().filter(|event| is_it(&event.what)).count();
        let abandoned = kept.abandoned(id);
        assert_eq!((completed, abandoned), if person.user.is_some() { (1, 0) } else { (0, 1) }, "{person:?}");
        ends[usize::from(person.user.is_some())] += 1;
    }
    assert!(ends.iter().all(|count| *count > 0), "the boundary was not met: {ends:?}");
}

fn id_of(person: &Person) -> SignUpId {
    person.id.parse().expect("an id")
}

const SIGN_UPS: usize = 36;

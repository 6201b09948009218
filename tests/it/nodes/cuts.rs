//! Connections to the database that end at the worst moment, and those that go silent.

use std::thread;
use std::time::Duration;

use vestibule::domain::id::SignUpId;

use super::cluster::Cluster;
use super::cut::Cut;
use super::kept::Kept;
use super::person::{Person, RIGHT, SIGN_UPS, Spread, WRONG};
use super::proxy::Mode;
use super::{CODES, eventually, scale};

/// Fails where a node takes a commit without an answer for one that failed, or for one that was made, without a look.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_whose_commit_lost_its_answer_is_the_same_user_when_the_client_asks_again() {
    let Some(cluster) = Cluster::start("lost_answer", CODES) else { return };
    let (cut, other) = (&cluster.nodes[0], cluster.nodes[1].endpoint());
    let mut addresses = Vec::new();
    // One cut loses the commit; with more of them the node can't find out for a while what became of it.
    let cases = [(Cut::AfterIt, 1), (Cut::BeforeIt, 1), (Cut::AfterIt, 3), (Cut::BeforeIt, 3), (Cut::AfterIt, 9)];
    for (round, (place, times)) in cases.into_iter().cycle().take(cases.len() * scale()).enumerate() {
        let mut own = Spread::to(cut.endpoint());
        let mut person = Person::opened(&format!("ada{round}"), &mut own);
        person.guess(&mut own);
        let id = *person.id.parse::<SignUpId>().expect("an id").as_bytes();
        let before = cut.proxy.cuts();
        cut.proxy.cut_batches(place, id, times);
        let wrong = cut.endpoint().native("POST", &attempt(&person), &person.token, &code(WRONG));
        let wrong = wrong.expect("an answer");
        assert!(cut.proxy.cuts() > before, "nothing was cut");
        cut.proxy.cut_batches(place, id, 0);
        // Counted once at most, and once where the node said so.
        let attempts = person.sign_up(&mut own)["verifications"]["email_address"]["attempts"].as_u64();
        let is_revealed = wrong.error_codes() == ["form_code_incorrect"];
        assert!(is_revealed || wrong.status == 503, "{}", wrong.body);
        assert!(attempts == Some(2) || attempts == Some(1) && !is_revealed, "{attempts:?}: {}", wrong.body);

        cut.proxy.cut_batches(place, id, times);
        let before = cut.proxy.cuts();
        let first = cut.endpoint().native("POST", &attempt(&person), &person.token, &code(RIGHT)).expect("an answer");
        assert!(cut.proxy.cuts() > before, "nothing was cut");
        cut.proxy.cut_batches(place, id, 0);
        if first.status == 503 {
            eprintln!("{place:?} {times}: the node does not know");
        } else {
            person.note_completion(&first);
        }
        // The same request, which the person makes again, here or at another node.
        let token = person.token.clone();
        for node in [other, cut.endpoint()] {
            let again = person.attempt(&mut Spread::to(node), RIGHT);
            if again.status == 200 {
                person.note_completion(&again);
            }
        }
        assert!(person.user.is_some(), "{place:?} {times} {token}");
        person.check(&mut own);
        person.check(&mut Spread::to(other));
        addresses.push(person.plain_address());
    }
    let kept = Kept::checked(&cluster.store().await, &addresses).await;
    assert_eq!(kept.users.len(), addresses.len());
}

/// Fails where a node without its database shows what it remembers, or answers as if it had written.
#[test]
fn a_node_without_its_database_says_so_never_shows_the_past_and_recovers() {
    let Some(cluster) = Cluster::start("cut_off", CODES) else { return };
    let (cut, others) = (&cluster.nodes[0], [cluster.nodes[1].endpoint(), cluster.nodes[2].endpoint()]);
    for (round, mode) in [Mode::Refuse, Mode::Swallow].into_iter().enumerate() {
        let mut person = Person::opened(&format!("ada{round}"), &mut Spread::to(cut.endpoint()));
        cut.proxy.set(mode);
        let path = format!("{SIGN_UPS}/{}", person.id);
        let refused = cut.endpoint().native("POST", &attempt(&person), &person.token, &code(WRONG));
        assert_eq!(refused.expect("an answer in time").status, 503, "{mode:?}");
        person.guess(&mut Spread::over(&others, round));
        // Longer than a node may trust what it has loaded.
        thread::sleep(Duration::from_millis(1200));
        let shown = cut.endpoint().native("GET", &path, &person.token, "").expect("an answer in time");
        assert_eq!(shown.status, 503, "{mode:?} {}", shown.body);
        let made = cut.endpoint().native("POST", SIGN_UPS, "", "email_address=eve@example.com");
        assert_eq!(made.expect("an answer in time").status, 503, "{mode:?}");
        let right = cut.endpoint().native("POST", &attempt(&person), &person.token, &code(RIGHT));
        assert_eq!(right.expect("an answer in time").status, 503, "{mode:?}");
        assert!(!cut.is_ready(), "{mode:?}: a balancer would go on to use it");
        person.finish(&mut Spread::over(&others, round));

        cut.proxy.set(Mode::Pass);
        eventually("it recovers by itself", || cut.is_ready());
        person.check(&mut Spread::to(cut.endpoint()));
        let mut next = Person::opened(&format!("eve{round}"), &mut Spread::to(cut.endpoint()));
        next.finish(&mut Spread::to(cut.endpoint()));
        assert!(cut.proxy.opened() > 0);
    }
    // What only takes its time is no fault.
    cut.proxy.set(Mode::Delay(Duration::from_millis(50)));
    Person::opened("mary", &mut Spread::to(cut.endpoint())).finish(&mut Spread::to(cut.endpoint()));
    cut.proxy.reset();
    Person::opened("joan", &mut Spread::to(cut.endpoint())).finish(&mut Spread::to(cut.endpoint()));
}

fn attempt(person: &Person) -> String {
    format!("{SIGN_UPS}/{}/attempt_verification", person.id)
}

fn code(code: &str) -> String {
    format!("strategy=email_code&code={code}")
}

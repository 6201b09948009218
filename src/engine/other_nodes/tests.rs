//! Two engines over one store.

use std::sync::Arc;
use std::time::Duration;

use crate::actors::test_support::settings;
use crate::delivery::Channel;
use crate::domain::time::Span;
use crate::engine::Engine;
use crate::password::HashOptions;
use crate::store::{FaultyStore, ReadFault, StoreRead, nodes_in_memory};
use crate::token::{Algorithm, InstanceKey};

/// Engines with one key over one store in memory, and what lies between the store and the first.
async fn engines() -> ([Engine; 2], Arc<FaultyStore>) {
    let [one, other] = nodes_in_memory();
    let faulty = Arc::new(FaultyStore::over(one));
    let engine = async |store| {
        let builder = Engine::builder().store(store).key(InstanceKey::from_bytes([7; 32].into()));
        let builder = builder.settings(settings()).algorithm(Algorithm::EdDsa).hashing(HashOptions::for_tests());
        builder.build().await.expect("an engine")
    };
    ([engine(faulty.clone()).await, engine(other).await], faulty)
}

async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..1500 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it is not so that {what}");
}

#[tokio::test]
async fn a_part_that_can_not_be_read_is_read_again_and_holds_up_no_other() {
    for unreadable in [StoreRead::Listed, StoreRead::RedirectUrls, StoreRead::WebhookEndpoints] {
        let ([one, other], store) = engines().await;
        store.fail_reads(unreadable, ReadFault::Unavailable, 10_000);
        store.take_calls();
        other.messages().pause(Channel::Email).await.expect("a pause");
        other.advance_clock(HOURS).await.expect("a move of the clock");
        eventually("the channel is stopped", || one.channels()[0].is_paused).await;
        eventually("the clock is moved", || other.now().since(one.now()) < AN_HOUR).await;
        for read in [StoreRead::Listed, StoreRead::WebhookEndpoints] {
            // It looks again, for the part that it could not read may have changed.
            eventually("it looks again", || store.reads(read) > 2).await;
        }
    }
}

const HOURS: Span = Span::from_secs(7200);
const AN_HOUR: Span = Span::from_secs(3600);

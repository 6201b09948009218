//! How a system stops.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::actors::test_support::{World, pass, settle, soon, templates};
use crate::domain::event::Event;
use crate::domain::hook::{AfterCommit, BoxFuture, TryAgain};

/// A hook that takes everything.
struct Takes;

impl AfterCommit for Takes {
    fn after_commit<'a>(&'a self, _: &'a Event) -> BoxFuture<'a, Result<(), TryAgain>> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_back_all_leases_at_once_where_the_store_does_not_answer() {
    let [one, _] = World::nodes();
    let follower = |n| Follower { name: format!("hook {n}"), hook: Arc::new(Takes) };
    let followers = (0..20).map(follower).collect();
    let system = System::start(one.context(), one.transports(), templates(), followers).await.expect("actors start");
    let system = Arc::new(system);
    pass(20).await;
    let leases: Vec<_> = system.following.leases().chain(&system.leases).cloned().collect();
    assert!(leases.len() == 22 && leases.iter().all(Lease::is_held));
    one.store.hold();
    let stopped = tokio::spawn({
        let system = system.clone();
        async move { system.stop().await }
    });
    settle().await;
    assert!(!leases.iter().any(Lease::is_held), "none of them waits for the store's answer about another one");
    tokio::time::sleep(Duration::from_secs(30)).await;
    one.store.release();
    soon(stopped).await.expect("it stops");
}

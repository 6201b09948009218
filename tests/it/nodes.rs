//! Three processes of the binary over one PostgreSQL: while nodes are killed, stopped and cut off from the database, and while
//! the database itself is killed, nothing acknowledged is lost and nothing happens twice.
//!
//! Begin reading at `nodes/cluster.rs`; `nodes/proxy.rs` makes the faults, `nodes/kept.rs` looks at what is left.
//! `VESTIBULE_NODES_SCALE=10` makes the runs ten times as long.

mod abandonment;
mod balancers;
mod cluster;
mod conversions;
mod cut;
mod cuts;
pub(crate) mod database;
mod deaths;
mod failover;
mod guesses;
mod kept;
mod messages;
mod person;
mod proxy;
mod routing;

use std::time::Duration;

/// Sign-ups by e-mail codes, without limits.
const CODES: &str = "settings.file = \"email_code\"\nlimits.address = false\n";

/// Waits until something is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..WAITS_MAX {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it is not so that {what}");
}

/// How many times as long as usual the runs are.
fn scale() -> usize {
    std::env::var("VESTIBULE_NODES_SCALE").ok().and_then(|times| times.parse().ok()).unwrap_or(1)
}

/// How often something is looked at: for 30 seconds.
const WAITS_MAX: usize = 1500;

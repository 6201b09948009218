//! A database that dies for good, and a standby that takes its place.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::CODES;
use super::cluster::Cluster;
use super::database::Database;
use super::deaths::{check_all, nothing_is_lost, under_load, wait_until};
use super::kept::Kept;
use super::person::{Person, Spread};
use crate::postgres::cluster::url;

/// Fails where a node answers before the standby has the commit: see the test below, where it has not.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_a_synchronous_standby_takes_over() {
    let settings = ["synchronous_standby_names=standby", "wal_level=replica"];
    let Some(mut primary) = Database::start(&settings) else { return assert!(url().is_none()) };
    let mut standby = Database::follow(&primary, &[]).expect("a standby");
    eventually_follows(&primary);
    let cluster = Cluster::over(&primary.socket(), "failover", |_| CODES.to_owned());
    let (nodes, number) = (cluster.endpoints(), AtomicUsize::new(0));
    let (people, again) = under_load(&nodes, &number, |done| {
        wait_until(done, PEOPLE);
        primary.kill();
        standby.promote();
        for node in &cluster.nodes {
            node.proxy.lead_to(standby.socket());
        }
        let before = done.load(Ordering::SeqCst);
        wait_until(done, before + PEOPLE);
    });
    assert!(again > 0, "no request met the change");
    check_all(&people, &nodes);
    nothing_is_lost(&cluster.store_at(standby.url()).await, &people).await;
}

/// The same with a standby that nobody waits for: what this loses is what the test above would find.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_standby_does_not_have_is_lost_when_it_takes_over() {
    let Some(mut primary) = Database::start(&["wal_level=replica"]) else { return assert!(url().is_none()) };
    let mut standby = Database::follow(&primary, &[]).expect("a standby");
    eventually_follows(&primary);
    let cluster = Cluster::over(&primary.socket(), "failover", |_| CODES.to_owned());
    let nodes = cluster.endpoints();
    let mut first = Person::opened("ada", &mut Spread::over(&nodes, 0));
    first.finish(&mut Spread::over(&nodes, 0));
    let place = primary.sql("SELECT pg_current_wal_lsn()");
    let has_it = format!("SELECT pg_last_wal_replay_lsn() >= '{place}'");
    super::eventually("the standby has it", || standby.sql(&has_it) == "t");
    standby.sql("ALTER SYSTEM SET primary_conninfo = ''");
    standby.sql("SELECT pg_reload_conf()");
    super::eventually("it follows no more", || primary.sql("SELECT count(*) FROM pg_stat_replication") == "0");
    let mut second = Person::opened("eve", &mut Spread::over(&nodes, 1));
    second.finish(&mut Spread::over(&nodes, 1));
    primary.kill();
    standby.promote();
    let kept = Kept::read(&cluster.store_at(standby.url()).await).await;
    let users: Vec<String> = kept.users.iter().map(ToString::to_string).collect();
    assert_eq!(users, [first.user.expect("a user")], "the second user was acknowledged");
}

fn eventually_follows(primary: &Database) {
    let follows = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
    super::eventually("the standby follows", || primary.sql(follows) == "1");
}

const PEOPLE: usize = 12;

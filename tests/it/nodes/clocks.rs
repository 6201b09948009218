//! A node whose clock is ahead: it says that it is not ready, and its time does not become that of the others.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::cluster::{Cluster, Node};
use super::database::socket_in;
use super::person::{Person, Spread};
use super::routing::{is_signed_by, one_key, token_of};
use super::{CODES, eventually};
use crate::postgres::cluster::url;
use crate::support::require;

/// Fails where nodes with other times make keys of their own, where a start takes over the time of a node that is ahead, or where
/// a node becomes ready while it still goes by the time that its machine had at the start.
#[test]
fn a_node_whose_clock_is_ahead_is_not_ready_and_no_other_takes_over_its_time() {
    let (Some(url), Some(machine)) = (url(), Machine::ahead()) else { return };
    let (_, folder) = url.split_once("host=").expect("a folder");
    let mut cluster = Cluster::before_start(&socket_in(Path::new(folder)), "clocks", |_| CODES.to_owned());
    cluster.nodes[AHEAD].command = Some(machine.command());
    cluster.start_all();
    let all = cluster.endpoints();
    let key = one_key(&all);
    let not_ready = all[AHEAD].request("GET", "/health/ready", &[], "").expect("an answer");
    assert!(
        not_ready.status == 503 && not_ready.body.contains("apart from that of the database"),
        "{}",
        not_ready.body
    );
    assert!(cluster.nodes[AHEAD].log().contains("this node is not ready until they agree"));
    assert!(cluster.nodes.iter().filter(|node| node.is_ready()).count() == 2);
    let ahead = now(&cluster.nodes[AHEAD]) - now(&cluster.nodes[1]);
    assert!((290_000..310_000).contains(&ahead), "{ahead}");

    // Sessions and tokens are the same everywhere, whatever the time is.
    for (index, node) in all.iter().enumerate() {
        let mut person = Person::opened(&format!("ada{index}"), &mut Spread::to(*node));
        person.finish(&mut Spread::to(*node));
        for other in &all {
            assert!(is_signed_by(&token_of(&person, *other), &key));
        }
    }

    // A node that starts while the last commit was one of the node that is ahead.
    assert_eq!(cluster.nodes[0].end(), Some(0));
    cluster.nodes[1].pause();
    std::thread::sleep(Duration::from_millis(1200));
    Person::opened("eve", &mut Spread::to(all[AHEAD]));
    cluster.nodes[0].start();
    cluster.nodes[1].go_on();
    let apart = now(&cluster.nodes[0]) - now(&cluster.nodes[1]);
    assert!(apart < 60_000, "it goes on {apart} ms ahead");

    // The machine's clock is put right while the node runs: the node does not know it before its next start.
    machine.put_right();
    for number in 0..COMPARED_WITHIN_S {
        Person::opened(&format!("mary{number}"), &mut Spread::to(all[AHEAD]));
        std::thread::sleep(Duration::from_secs(1));
        assert!(!cluster.nodes[AHEAD].is_ready(), "it goes by a time that is ahead");
    }
    assert_eq!(cluster.nodes[AHEAD].end(), Some(0));
    cluster.nodes[AHEAD].start();
    eventually("it is ready", || cluster.nodes[AHEAD].is_ready());
    let apart = now(&cluster.nodes[AHEAD]) - now(&cluster.nodes[1]);
    assert!(apart < 60_000, "{apart}");
    assert_eq!(one_key(&cluster.endpoints()), key);
}

/// What a node takes for the time, in milliseconds.
fn now(node: &Node) -> i64 {
    let answer = node.endpoint().request("GET", "/dev/clock", &[], "").expect("an answer");
    answer.json()["now"].as_i64().expect("a time")
}

/// A machine whose clock is five minutes ahead, for the processes that are started there.
struct Machine {
    library: PathBuf,
    flag: PathBuf,
    _folder: TempDir,
}

impl Machine {
    /// `None` where there is no C compiler.
    fn ahead() -> Option<Self> {
        let folder = TempDir::new().expect("a folder");
        let (library, flag) = (folder.path().join("ahead.so"), folder.path().join("ahead"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/nodes/ahead.c");
        let mut compiler = Command::new("cc");
        let done = compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
        if !require("cc", done.is_ok_and(|status| status.success())) {
            return None;
        }
        std::fs::write(&flag, "").expect("a file");
        Some(Self { library, flag, _folder: folder })
    }

    /// What comes before a program that is started there.
    fn command(&self) -> String {
        format!("export CLOCK_IS_AHEAD={} LD_PRELOAD={}", self.flag.display(), self.library.display())
    }

    /// From now on its clock is right.
    fn put_right(&self) {
        std::fs::remove_file(&self.flag).expect("it was ahead");
    }
}

/// Which of the nodes is ahead.
const AHEAD: usize = 2;
/// A node compares the clocks every five seconds while it is used.
const COMPARED_WITHIN_S: usize = 8;

//! An update of one node after the other: what a newer version has written stays as it is while older nodes run beside it.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::Cluster;
use super::database::Database;
use super::eventually;
use super::person::{Person, RIGHT, SIGN_UPS, Spread};
use crate::support::endpoint::Answer;

/// Fails where a node takes a record that it can't read for an absent one, or writes what it remembers over it.
#[test]
fn what_a_newer_version_has_written_stays_as_it_is_while_older_nodes_run() {
    let Some(database) = Database::start(&["fsync=off"]) else {
        return assert!(crate::postgres::cluster::url().is_none());
    };
    let config = "settings.file = \"email_code\"\nstore.encryption = false\n";
    let mut cluster = Cluster::over(&database.socket(), "upgrades", |_| config.to_owned());
    let (nodes, records) = (cluster.endpoints(), Records(&database));
    let mut open = Person::opened("ada", &mut Spread::over(&nodes, 0));
    open.guess(&mut Spread::over(&nodes, 0));
    let mut done = Person::opened("eve", &mut Spread::over(&nodes, 1));
    done.finish(&mut Spread::over(&nodes, 1));

    let older = records.read();
    let kinds: BTreeSet<u8> = older.keys().map(|key| key[0]).collect();
    assert!(kinds.iter().eq(KINDS), "{kinds:?}");
    let newer = records.replace(&older, newer);
    // Each node has some of them in memory.
    let sign_up = format!("{SIGN_UPS}/{}", open.id);
    let session = format!("/v1/client/sessions/{}", done.session.as_ref().expect("one"));
    for (index, node) in nodes.iter().enumerate() {
        for (method, path, token, form) in [
            ("GET", sign_up.clone(), &open.token, String::new()),
            ("PATCH", sign_up.clone(), &open.token, "first_name=Ada".to_owned()),
            ("POST", format!("{sign_up}/prepare_verification"), &open.token, "strategy=email_code".to_owned()),
            (
                "POST",
                format!("{sign_up}/attempt_verification"),
                &open.token,
                format!("strategy=email_code&code={RIGHT}"),
            ),
            ("GET", "/v1/me".to_owned(), &done.token, String::new()),
            ("PATCH", "/v1/me".to_owned(), &done.token, "last_name=Lovelace".to_owned()),
            ("POST", format!("{session}/end"), &done.token, String::new()),
            ("POST", "/v1/client/sign_ins".to_owned(), &String::new(), format!("identifier={}", done.address)),
        ] {
            let answer = node.native(method, &path, token, &form).expect("an answer");
            assert!(is_refused(&answer), "{method} {path}: {} {}", answer.status, answer.body);
        }
        // What others have written is not in the way of somebody new.
        Person::opened(&format!("mary{index}"), &mut Spread::to(*node)).finish(&mut Spread::to(*node));
    }
    assert_eq!(records.read_again(&newer), newer);

    // Nothing was lost: the older records are there again, and all goes on.
    records.replace(&newer, |key, _| older[key].clone());
    open.finish(&mut Spread::over(&nodes, 2));
    open.check(&mut Spread::over(&nodes, 2));
    done.check(&mut Spread::over(&nodes, 2));

    // What is over by its time is not removed either.
    Person::opened("joan", &mut Spread::over(&nodes, 3));
    let newer = records.replace(&records.read(), self::newer);
    let year = format!("{{\"advance_ms\": {}}}", 366_u64 * 86_400_000);
    let json = ("content-type", "application/json");
    let moved = nodes[0].request("POST", "/dev/clock", &[json], &year).expect("an answer");
    assert_eq!(moved.status, 200, "{}", moved.body);
    let told = "a record can't be read; it is left in the store";
    eventually("a node has come across one of them", || cluster.nodes.iter().any(|node| node.log().contains(told)));
    assert_eq!(records.read_again(&newer), newer);

    // A newer format of the tables refuses the next start, and leaves those alone who run.
    database.sql("UPDATE nodes_upgrades_meta SET value = '99' WHERE name = 'format'");
    Person::opened("anne", &mut Spread::over(&nodes, 4)).finish(&mut Spread::over(&nodes, 4));
    assert_eq!(cluster.nodes[0].end(), Some(0));
    assert_eq!(cluster.nodes[0].fail_to_start(), Some(1));
    assert!(cluster.nodes[0].log().contains("use a newer version"), "{}", cluster.nodes[0].log());
}

/// Whether a node says that it can't do this, and has not done it.
fn is_refused(answer: &Answer) -> bool {
    answer.status >= 500
}

/// The records of people in the table, by their keys.
struct Records<'a>(&'a Database);

type Table = BTreeMap<Vec<u8>, Vec<u8>>;

impl Records<'_> {
    fn read(&self) -> Table {
        let kinds: Vec<String> = KINDS.iter().map(u8::to_string).collect();
        let rows = format!(
            "SELECT encode(key, 'hex'), encode(value, 'hex') FROM nodes_upgrades_kv WHERE get_byte(key, 0) IN ({})",
            kinds.join(", ")
        );
        let rows = self.0.sql(&rows);
        rows.lines().filter_map(|row| row.split_once('|')).map(|(key, value)| (bytes(key), bytes(value))).collect()
    }

    /// What is stored now of these.
    fn read_again(&self, known: &Table) -> Table {
        self.read().into_iter().filter(|(key, _)| known.contains_key(key)).collect()
    }

    /// Writes another value for each of these, as another node would; returns what is stored then.
    fn replace(&self, known: &Table, next: impl Fn(&Vec<u8>, &[u8]) -> Vec<u8>) -> Table {
        let next: Table = known.iter().map(|(key, value)| (key.clone(), next(key, value))).collect();
        let update = |(key, value): (&Vec<u8>, &Vec<u8>)| {
            let (key, value) = (hex(key), hex(value));
            format!("UPDATE nodes_upgrades_kv SET value = '\\x{value}', stamp = stamp # 1 WHERE key = '\\x{key}'")
        };
        self.0.sql(&next.iter().map(update).collect::<Vec<_>>().join("; "));
        next
    }
}

/// The record as a version with the next schema of its kind would write it: magic, kind, schema and checksum come first.
fn newer(_key: &Vec<u8>, record: &[u8]) -> Vec<u8> {
    let mut next = record.to_vec();
    next[3] += 1;
    let sum = crc32(&[&next[..4], &next[8..]].concat());
    next[4..8].copy_from_slice(&sum.to_le_bytes());
    next
}

/// The checksum of Ethernet and zip.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg()))
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("digits");
    (0..hex.len()).step_by(2).map(digits).collect()
}

/// Sign-ups, users, clients, identifiers, counters and sessions: the first bytes of their keys.
const KINDS: &[u8] = &[1, 2, 3, 4, 7, 16];

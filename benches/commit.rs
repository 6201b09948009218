//! The ledger by group size, beside a bare preallocated log with one fdatasync a group, and beside sled with an
//! fdatasync of its file a group.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

mod support;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use vestibule::store::Write;
use vestibule::store::sled::{Ledger, Options};

const BURST: Duration = Duration::from_secs(2);
const ROUNDS: usize = 3;
const VALUE: [u8; 600] = [7; 600];

fn main() {
    for group in [1_usize, 8, 32, 128, 512] {
        let (mut ours, mut log, mut sled) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let folder = tempfile::tempdir_in(".").expect("a folder");
            log.push(bare_log(folder.path(), group));
            ours.push(ledger(&folder.path().join("ledger"), group));
            sled.push(bare_sled(&folder.path().join("sled"), group));
        }
        let ours = support::median(ours);
        let what = format!("ledger, groups of {group}");
        support::compare(&what, ours, "records/s of a bare log", support::median(log), 0.4);
        support::compare(&what, ours, "records/s of sled + fdatasync", support::median(sled), 1.0);
    }
}

fn ledger(path: &Path, group: usize) -> f64 {
    let ledger = Ledger::open(Options::new(path)).expect("a ledger");
    let rate = burst(group, |first| {
        let record = |n: u64| vec![Write { key: key(n).to_vec().into(), value: Some(VALUE.to_vec().into()) }];
        ledger.append(&(first..first + group as u64).map(record).collect::<Vec<_>>(), true).expect("an append");
    });
    ledger.close();
    rate
}

fn bare_log(folder: &Path, group: usize) -> f64 {
    let mut file = File::create(folder.join("log")).expect("a file");
    file.write_all(&vec![0; 64 << 20]).expect("room");
    file.sync_all().expect("a sync");
    let bytes = vec![7; (group * (VALUE.len() + 16)).next_multiple_of(4096)];
    file.seek(SeekFrom::Start(0)).expect("a seek");
    burst(group, |_| {
        if file.stream_position().expect("a position") + bytes.len() as u64 > 64 << 20 {
            file.seek(SeekFrom::Start(0)).expect("a seek");
        }
        file.write_all(&bytes).expect("a write");
        file.sync_data().expect("a sync");
    })
}

fn bare_sled(path: &Path, group: usize) -> f64 {
    let tree = sled::Config::new().path(path).flush_every_ms(None).open().expect("a tree");
    let file = File::options().write(true).open(path.join("db")).expect("its file");
    burst(group, |first| {
        for n in first..first + group as u64 {
            tree.insert(key(n), VALUE.to_vec()).expect("an insert");
        }
        tree.flush().expect("a flush");
        file.sync_data().expect("a sync");
    })
}

/// Records per second of groups written one after the other.
fn burst(group: usize, mut write: impl FnMut(u64)) -> f64 {
    let (began, mut records) = (Instant::now(), 0_u64);
    while began.elapsed() < BURST {
        write(records);
        records += group as u64;
    }
    support::rate(records as usize, began.elapsed())
}

/// Keys in no order, as ids are.
fn key(n: u64) -> [u8; 17] {
    let mut key = [1; 17];
    key[1..9].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    key[9..17].copy_from_slice(&n.to_be_bytes());
    key
}

//! The ledger by group size, beside a bare preallocated log with one fdatasync a group, and beside sled with an
//! fdatasync of its file a group; and the store with its values encrypted, beside plain ones.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

mod support;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use vestibule::store::ledger::{Ledger, Options};
use vestibule::store::{EmbeddedOptions, EmbeddedStore, KeyValue, Sealing, Write};
use zeroize::Zeroizing;

const BURST: Duration = Duration::from_secs(2);
const ROUNDS: usize = 3;
const VALUE: [u8; 600] = [7; 600];

fn main() {
    if support::wanted("ledger") {
        compare_with_logs();
    }
    if support::wanted("sealing") {
        compare_sealed_with_plain();
    }
}

/// The same records, encrypted or not, in turns: by the clock, and by the processor time of the whole process.
fn compare_sealed_with_plain() {
    for group in [1_usize, 32, 512] {
        let (mut by_clock, mut by_cpu) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        for round in 0..2 * ROUNDS {
            for seal in if round % 2 == 0 { [false, true] } else { [true, false] } {
                let folder = tempfile::tempdir_in(".").expect("a folder");
                let (clock, cpu) = store(folder.path(), group, seal);
                by_clock[usize::from(seal)].push(clock);
                by_cpu[usize::from(seal)].push(cpu);
            }
        }
        for (what, [plain, sealed]) in [("second", by_clock), ("CPU second", by_cpu)] {
            let what = format!("encrypted, groups of {group}, by {what}");
            support::compare(&what, support::median(sealed), "records/s plain", support::median(plain), 0.9);
        }
    }
}

/// Records per second, and per second of processor time.
fn store(path: &Path, group: usize, seal: bool) -> (f64, f64) {
    let sealing = Some(Sealing { key: Zeroizing::new([7; 32]), seal });
    let options = EmbeddedOptions { sealing, ..EmbeddedOptions::default() };
    let store = EmbeddedStore::open_with(path, &options).expect("a store");
    let value = [b"Vs".as_slice(), &VALUE].concat();
    let (cpu, began) = (support::cpu_time(), Instant::now());
    let rate = burst(group, |first| {
        let record = |n: u64| vec![Write { key: key(n).to_vec().into(), value: Some(value.clone().into()) }];
        let groups = store.key_value().prepare((first..first + group as u64).map(record).collect());
        store.key_value().append(&groups, false).expect("an append");
    });
    let records = rate * began.elapsed().as_secs_f64();
    store.key_value().close();
    (rate, records / (support::cpu_time() - cpu).as_secs_f64())
}

fn compare_with_logs() {
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

//! The thread that writes sealed segments into sled.
//!
//! A checkpoint merges its segments by key and writes the keys in order. Before the first of them it records in the
//! manifest what sled holds *besides* those keys, so that a start after a crash in the middle can still tell a loss
//! from an unfinished checkpoint. Only when sled, the filter file and the manifest are synced are the segments
//! recycled.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::filter::FilterFile;
use super::manifest::{KindDigests, Manifest, Pending};
use super::options::{Durability, Write};
use super::patience::patiently;
use super::pool::{Stop, Task};
use super::scrub::Scrubber;
use super::segment::Sealed;
use super::shared::Shared;
use super::snapshots::SnapshotFiles;
use super::tree::Tree;
use super::verify::{Progress, Verification};
use crate::store::hash;

const VERIFY_SLICE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_millis(250);

/// The state of the thread.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) shared: Arc<Shared>,
    pub(super) tree: Tree,
    pub(super) files: SnapshotFiles,
    pub(super) filter_file: Option<FilterFile>,
    /// The part of the verification that `open` did not finish.
    pub(super) verification: Option<Verification>,
    pub(super) scrubber: Scrubber,
}

impl Checkpoint {
    /// Works until it is told to stop, or sled fails.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let work = || self.verify().and_then(|proceed| if proceed { self.serve() } else { Ok(()) });
        let done = catch_unwind(AssertUnwindSafe(work));
        if let Err(error) = done.unwrap_or_else(|_| Err("the checkpoint panicked".into())) {
            tracing::error!(
                error,
                "the snapshots can't be written until the next start; the journal accepts groups until it is full"
            );
            let _ = shared.snapshots_dead.set(error);
            shared.pool.halt();
        }
    }

    /// Finishes the comparison with the manifest; false to stop the thread.
    fn verify(&mut self) -> Result<bool, String> {
        while let Some(verification) = &mut self.verification {
            if self.shared.pool.stopping().is_some() {
                return Ok(false);
            }
            match verification.run(&self.tree, Instant::now() + VERIFY_SLICE)? {
                Progress::More => {}
                Progress::Same => self.verification = None,
                Progress::Different(what) => {
                    let path = self.shared.snapshots_path();
                    self.shared.fail(format!(
                        "the snapshots in {} are damaged: {what}; copy the data directory aside and restore the last backup",
                        path.display()
                    ));
                    return Ok(false);
                }
            }
        }
        self.shared.verified.store(true, Ordering::Release);
        Ok(true)
    }

    fn serve(&mut self) -> Result<(), String> {
        let mut appended = (self.shared.sequence.load(Ordering::Acquire), Instant::now());
        while self.turn(&mut appended, PATIENCE)? {}
        Ok(())
    }

    /// Does the next piece of work; false to stop the thread. `appended` is the last sequence seen, and since when.
    pub(super) fn turn(&mut self, appended: &mut (u64, Instant), patience: Duration) -> Result<bool, String> {
        if !self.wait_for_room() {
            return Ok(false);
        }
        self.shared.pool.prepare();
        self.shared.try_a_write();
        let to_epoch = self.shared.manifest.current().pending.map(|pending| pending.to_epoch);
        match self.shared.pool.next(to_epoch, patience) {
            Task::Stop => {
                if self.shared.pool.stopping() == Some(Stop::Drained) {
                    self.scrubber.finish(&self.shared);
                }
                return Ok(false);
            }
            Task::Idle => {
                let sequence = self.shared.sequence.load(Ordering::Acquire);
                if sequence != appended.0 {
                    *appended = (sequence, Instant::now());
                }
                let idle_after = self.shared.options.idle_after;
                let idle = idle_after.is_some_and(|after| appended.1.elapsed() >= after);
                if idle {
                    self.shared.seal_if_idle();
                }
                self.scrubber.step(&self.shared, idle);
            }
            Task::Checkpoint(batch) => {
                let began = Instant::now();
                self.checkpoint(&batch)?;
                self.scrubber.used(&batch);
                self.shared.pool.recycle(batch, began.elapsed());
            }
        }
        Ok(true)
    }

    /// Waits for free disk space, because sled may not survive a full disk; false when told to stop meanwhile.
    fn wait_for_room(&self) -> bool {
        let needed = self.shared.options.free_bytes_min / 2;
        let mut warned = false;
        loop {
            if self.shared.pool.stopping() == Some(Stop::Now) {
                return false;
            }
            let free = match self.shared.directory.free_bytes() {
                Ok(free) if free < needed => free,
                _ => break,
            };
            self.shared.low_on_room.store(true, Ordering::Release);
            if !warned {
                tracing::warn!(disk.free = free, disk.needed = needed, "disk full: the checkpoint waits for room");
                warned = true;
            }
            if self.shared.pool.stopping().is_some() {
                return false;
            }
            self.shared.pool.pause(PATIENCE);
        }
        self.shared.low_on_room.store(false, Ordering::Release);
        if warned {
            tracing::info!("there is room on the disk again");
        }
        true
    }

    fn checkpoint(&mut self, batch: &[Sealed]) -> Result<(), String> {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else {
            return Ok(());
        };
        let before = self.shared.manifest.current();
        if first.first != before.sequence {
            let expected = before.sequence;
            return Err(format!("a segment begins at group {} instead of {expected}", first.first));
        }
        let sync = self.shared.options.durability != Durability::None;
        let mut writes = self.coalesced(batch)?;
        let (rest, hashes) = self.announce(&mut writes, before, last.epoch + 1)?;

        let mut sums = rest;
        for Change { key, value, .. } in writes.iter().filter(|change| change.is_seen()) {
            self.tree.set(key, value.as_deref())?;
            if let Some(value) = value {
                sums.add(key, value);
            }
        }
        let written = writes.iter().filter(|change| change.value.is_some());
        self.shared.last_keys.note(written.map(|change| &change.key[..]));
        self.tree.flush()?;
        let give_up = |waited| self.shared.is_late(waited);
        if sync {
            self.files.sync(give_up).map_err(|error| {
                let path = self.shared.snapshots_path();
                format!("syncing {} failed: {error}", path.display())
            })?;
        }
        let extent = match &mut self.filter_file {
            Some(file) => {
                patiently("the filter file", give_up, || file.append(&hashes, sync))
                    .map_err(|error| format!("the filter file cannot be written: {error}"))?;
                file.extent()
            }
            None => (0, 0),
        };
        self.write_manifest(|manifest| {
            (manifest.filter_bytes, manifest.filter_crc) = extent;
            manifest.sequence = last.end;
            manifest.epoch = last.epoch + 1;
            manifest.sums = sums;
            manifest.pending = None;
        })?;

        for change in &writes {
            self.shared.overlay.forget(&change.key, last.end);
        }
        self.shared.checkpointed.store(last.end, Ordering::Release);
        Ok(())
    }

    /// Records in the manifest what sled holds besides the keys of this checkpoint, and finds the keys that are new to
    /// the filter file. A checkpoint interrupted by a crash has already done so.
    fn announce(
        &self,
        writes: &mut [Change],
        before: Manifest,
        to_epoch: u64,
    ) -> Result<(KindDigests, Vec<u64>), String> {
        let stamp = self.shared.stamp;
        let filtered = |key: &[u8]| key.first().copied() == self.shared.options.filtered_kind;
        let mut hashes = Vec::new();
        if let Some(pending) = before.pending.filter(|pending| pending.to_epoch == to_epoch) {
            let added = writes.iter().filter(|change| filtered(&change.key) && change.value.is_some());
            hashes.extend(added.map(|change| hash::key(stamp, &change.key)));
            return Ok((pending.rest, hashes));
        }
        let mut rest = before.sums;
        for Change { key, value, may_replace } in writes {
            let is_new = self.shared.last_keys.look(key, &self.tree)?;
            let old = if is_new { None } else { self.tree.get(key)? };
            *may_replace = old.is_some();
            match old {
                Some(old) => rest.subtract(key, &old),
                None if filtered(key) && value.is_some() => hashes.push(hash::key(stamp, key)),
                None => {}
            }
        }
        let pending = Pending { to_epoch, rest: rest.clone() };
        self.write_manifest(|manifest| manifest.pending = Some(pending))?;
        Ok((rest, hashes))
    }

    fn write_manifest(&self, change: impl FnOnce(&mut Manifest)) -> Result<(), String> {
        let manifest = &self.shared.manifest;
        let written = manifest.update(|waited| self.shared.is_late(waited), change);
        written.map_err(|error| format!("{} cannot be written: {error}", manifest.path().display()))
    }

    /// The last write of each key in these segments, in the order of the keys.
    fn coalesced(&self, batch: &[Sealed]) -> Result<Vec<Change>, String> {
        let mut groups = Vec::new();
        for sealed in batch {
            let file = &sealed.segment.file;
            let read = || -> io::Result<Vec<u8>> { file.read(sealed.bytes) };
            let content = patiently("reading the journal", |waited| self.shared.is_late(waited), read)
                .map_err(|error| format!("{} cannot be read: {error}", file.path().display()))?;
            groups.extend(sealed.groups(&content.into(), self.shared.stamp)?);
        }
        // Newest first among equal keys, so that deduplication keeps the newest.
        let mut writes = Vec::with_capacity(groups.iter().map(|(_, group)| group.len()).sum());
        let newest_first = groups.into_iter().rev().flat_map(|(_, group)| group.into_iter().rev());
        writes.extend(newest_first.map(|Write { key, value }| Change { key, value, may_replace: true }));
        // By their beginnings, which are compared fast, and then what they leave, nearly nothing.
        writes.sort_by_cached_key(|change| beginning(&change.key));
        writes.sort_by(|left, right| left.key.cmp(&right.key));
        writes.dedup_by(|left, right| left.key == right.key);
        Ok(writes)
    }
}

/// The last write of a key in the segments of a checkpoint.
struct Change {
    key: Bytes,
    value: Option<Bytes>,
    /// Whether sled may have the key.
    may_replace: bool,
}

impl Change {
    /// Whether it changes anything in sled. What was written and removed again between two checkpoints does not.
    const fn is_seen(&self) -> bool {
        self.value.is_some() || self.may_replace
    }
}

/// The first bytes of a key as a number that orders like them.
fn beginning(key: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    let length = key.len().min(bytes.len());
    bytes[..length].copy_from_slice(&key[..length]);
    u128::from_be_bytes(bytes)
}

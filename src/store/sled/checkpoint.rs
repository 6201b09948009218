//! The thread that carries sealed segments into sled.
//!
//! A checkpoint coalesces its segments by key and writes the keys in order. Before the first of them it notes in the manifest
//! what sled holds *besides* those keys, so that a start after a crash in the middle can still tell a loss from a checkpoint
//! half done. Only when sled, the filter file and the manifest are synced are the segments recycled.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::filter::FilterFile;
use super::hash;
use super::ledger::Shared;
use super::manifest::{Manifest, Pending, Sums};
use super::options::Durability;
use super::pool::{Sealed, Stop, Task};
use super::tree::Tree;
use super::verify::{Progress, Verification};

const VERIFY_SLICE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_millis(250);

/// What the thread owns.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) shared: Arc<Shared>,
    pub(super) tree: Tree,
    pub(super) manifest: Manifest,
    pub(super) filter_file: Option<FilterFile>,
    /// What `open` did not get to.
    pub(super) verification: Option<Verification>,
    pub(super) synced_blobs: HashSet<OsString>,
}

impl Checkpoint {
    /// Works until it is told to stop, or sled fails.
    pub(super) fn run(mut self) {
        if let Err(error) = self.verify().and_then(|proceed| if proceed { self.serve() } else { Ok(()) }) {
            tracing::error!(
                error,
                "the snapshots are dead until the next start; the journal still takes groups until it is full"
            );
            let _ = self.shared.snapshots_dead.set(error);
            self.shared.pool.halt();
        }
    }

    /// Finishes the comparison with the manifest; false when there is nothing more to do.
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
        loop {
            if !self.wait_for_room() {
                return Ok(());
            }
            self.shared.pool.prepare();
            let to_epoch = self.manifest.pending.as_ref().map(|pending| pending.to_epoch);
            match self.shared.pool.next(to_epoch, PATIENCE) {
                Task::Stop => return Ok(()),
                Task::Idle => {
                    let sequence = self.shared.sequence.load(Ordering::Acquire);
                    if sequence != appended.0 {
                        appended = (sequence, Instant::now());
                    }
                    let idle_after = self.shared.options.idle_after;
                    if idle_after.is_some_and(|after| appended.1.elapsed() >= after) {
                        self.shared.seal_if_idle();
                    }
                }
                Task::Checkpoint(batch) => {
                    let began = Instant::now();
                    self.checkpoint(&batch)?;
                    self.shared.pool.recycle(batch, began.elapsed());
                }
            }
        }
    }

    /// sled may not survive a full disk, so nothing is written to it without room; false when told to stop meanwhile.
    fn wait_for_room(&self) -> bool {
        let mut warned = false;
        loop {
            if self.shared.pool.stopping() == Some(Stop::Now) {
                return false;
            }
            let needed = self.shared.options.free_bytes_min / 2;
            match free_bytes(&self.shared.options.path) {
                Ok(free) if free < needed => {
                    if !warned {
                        tracing::warn!(
                            disk.free = free,
                            disk.needed = needed,
                            "disk full: the checkpoint waits for room"
                        );
                        warned = true;
                    }
                    if self.shared.pool.stopping().is_some() {
                        return false;
                    }
                    self.shared.pool.pause(PATIENCE);
                }
                _ => return true,
            }
        }
    }

    fn checkpoint(&mut self, batch: &[Sealed]) -> Result<(), String> {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else {
            return Ok(());
        };
        if first.first != self.manifest.sequence {
            let expected = self.manifest.sequence;
            return Err(format!("a segment begins at group {} instead of {expected}", first.first));
        }
        let sync = self.shared.options.durability != Durability::None;
        let writes = coalesced(batch, self.shared.stamp)?;
        let (rest, hashes) = self.announce(&writes, last.epoch + 1, sync)?;

        let mut sums = rest;
        for (key, value) in &writes {
            self.tree.set(key, value.as_deref())?;
            if let Some(value) = value {
                sums.add(key, value);
            }
        }
        self.tree.flush(sync, &mut self.synced_blobs)?;

        (self.manifest.filter_bytes, self.manifest.filter_crc) = match &mut self.filter_file {
            Some(file) => {
                file.append(&hashes, sync).map_err(|error| format!("the filter file cannot be written: {error}"))?;
                file.extent()
            }
            None => (0, 0),
        };
        self.manifest.sequence = last.end;
        self.manifest.epoch = last.epoch + 1;
        self.manifest.sums = sums;
        self.manifest.pending = None;
        self.write_manifest(sync)?;

        for (key, _) in &writes {
            self.shared.overlay.forget(key, last.end);
        }
        self.shared.checkpointed.store(last.end, Ordering::Release);
        Ok(())
    }

    /// Notes in the manifest what sled holds besides the keys of this checkpoint, and finds which keys are new to the filter
    /// file. A checkpoint that a crash interrupted has been announced already.
    fn announce(
        &mut self,
        writes: &[(Bytes, Option<Bytes>)],
        to_epoch: u64,
        sync: bool,
    ) -> Result<(Sums, Vec<u64>), String> {
        let stamp = self.shared.stamp;
        let filtered = |key: &[u8]| key.first().copied() == self.shared.options.filtered_kind;
        let mut hashes = Vec::new();
        if let Some(pending) = self.manifest.pending.take_if(|pending| pending.to_epoch == to_epoch) {
            let added = writes.iter().filter(|(key, value)| filtered(key) && value.is_some());
            hashes.extend(added.map(|(key, _)| hash::key(stamp, key)));
            return Ok((pending.rest, hashes));
        }
        let mut rest = self.manifest.sums.clone();
        for (key, value) in writes {
            match self.tree.get(key)? {
                Some(old) => rest.subtract(key, &old),
                None if filtered(key) && value.is_some() => hashes.push(hash::key(stamp, key)),
                None => {}
            }
        }
        self.manifest.pending = Some(Pending { to_epoch, rest: rest.clone() });
        self.write_manifest(sync)?;
        Ok((rest, hashes))
    }

    fn write_manifest(&self, sync: bool) -> Result<(), String> {
        let path = self.shared.manifest_path();
        self.manifest.write(&path, sync).map_err(|error| format!("{} cannot be written: {error}", path.display()))
    }
}

/// The bytes free to this process on the disk of this directory.
pub(super) fn free_bytes(path: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The last write of each key in these segments, in the order of the keys.
fn coalesced(batch: &[Sealed], stamp: u64) -> Result<Vec<(Bytes, Option<Bytes>)>, String> {
    let mut writes = Vec::new();
    for sealed in batch {
        for (_, group) in sealed.groups(stamp)? {
            writes.extend(group.into_iter().map(|write| (write.key, write.value)));
        }
    }
    // Newest first among equals, so that the newest is the one that stays.
    writes.reverse();
    writes.sort_by(|(left, _), (right, _)| left.cmp(right));
    writes.dedup_by(|(left, _), (right, _)| left == right);
    Ok(writes)
}

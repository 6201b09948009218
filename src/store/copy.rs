//! Copies a whole store into an empty one of another kind, and proves that both have the same.
//!
//! Begin reading at [`copy`]. A side of a copy (`side.rs`) is a folder of the embedded store or the tables of a database.
//! Values are opened on the one side and sealed anew for the other. How far the copy is stands in the target (`note.rs`):
//! a copy that was interrupted goes on there, and no server starts on one that is not finished.

mod digest;
mod entry;
mod error;
mod folder;
mod note;
mod side;
mod summary;
mod tables;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use digest::summary;
use note::{Identity, Note};
use side::Side;

pub use error::CopyError;
pub use side::CopyPlace;
pub use summary::CopySummary;

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyProgress {
    /// So many keys are written, with so many bytes of plain values.
    Copied {
        /// The keys.
        keys: u64,
        /// The bytes of keys and plain values.
        bytes: u64,
    },
    /// All is written, and so many keys are read again.
    Compared {
        /// The keys.
        keys: u64,
    },
}

/// What was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// What both sides have.
    pub summary: CopySummary,
    /// Whether an earlier run had begun it.
    pub goes_on: bool,
}

/// Copies everything from one store to another, or goes on with a copy that was interrupted, and compares both at the end.
/// No server may use either of them meanwhile.
///
/// # Errors
/// One sentence that says what to do; see [`CopyError`]. What is written by then stays, and the next run goes on there.
pub async fn copy(
    from: &CopyPlace,
    to: &CopyPlace,
    tell: &mut (dyn FnMut(CopyProgress) + Send),
) -> Result<Copied, CopyError> {
    if from.is_same(to) {
        return Err(CopyError::Same);
    }
    let source = Side::source(from).await?;
    let identity = source.identity().await?;
    let target = Side::target(to).await?;
    if target.number() == source.number() {
        return Err(CopyError::Same);
    }
    let begun = begin(&target, &identity).await?;
    let goes_on = begun.is_some();
    transfer(&source, &target, &identity, begun.unwrap_or_default(), tell).await?;
    // Read from where it is now, and not from what this process still has in memory.
    target.close().await;
    let target = Side::target(to).await?;
    let mut told = |keys| tell(CopyProgress::Compared { keys });
    let mut untold = |_| ();
    let (of_source, of_target) = tokio::join!(summary(&source, &mut told), summary(&target, &mut untold));
    let (summary, of_target) = (of_source?, of_target?);
    if summary != of_target {
        return Err(CopyError::Differ { here: summary, there: of_target });
    }
    target.finish().await?;
    target.close().await;
    source.close().await;
    Ok(Copied { summary, goes_on })
}

/// The last key that an earlier run has written, where there was one. Otherwise notes in the target, which must be empty,
/// that it is a copy of this source.
async fn begin(target: &Side, source: &Identity) -> Result<Option<Bytes>, CopyError> {
    match target.note().await? {
        Some(note) => note.place_in(source).map(Some),
        None if target.page(&[]).await?.is_empty() => {
            target.put(&[], &Note::of(source, &[])).await?;
            Ok(None)
        }
        None => Err(CopyError::NotEmpty(target.name())),
    }
}

/// Writes what comes behind a key. While a page is written, the next one is read.
async fn transfer(
    source: &Side,
    target: &Side,
    identity: &Identity,
    begun: Bytes,
    tell: &mut (dyn FnMut(CopyProgress) + Send),
) -> Result<(), CopyError> {
    let (mut keys, mut bytes) = (0, 0);
    let mut page = source.page(&begun).await?;
    while let Some((last, _)) = page.last() {
        let note = Note::of(identity, last);
        let (written, next) = tokio::join!(target.put(&page, &note), source.page(last));
        written?;
        keys += page.len() as u64;
        bytes += page.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum::<u64>();
        tell(CopyProgress::Copied { keys, bytes });
        page = next?;
    }
    Ok(())
}

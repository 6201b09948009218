//! Where a proxy cuts: what a node says to PostgreSQL is taken apart into messages, as far as it takes to know the moment at
//! which a batch of commits becomes durable.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Where a batch is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It never reaches the database.
    BeforeIt,
    /// It is written, and the answer never reaches the node.
    AfterIt,
}

/// The cuts that are wanted of one proxy.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    wanted: Mutex<Option<Wanted>>,
    made: AtomicUsize,
}

#[derive(Debug)]
struct Wanted {
    cut: Cut,
    id: [u8; 16],
    times: usize,
    /// Once the first was cut, so is each that follows, whatever it names: with it the node asks what became of the first.
    has_begun: bool,
}

impl Cuts {
    pub(super) fn arm(&self, cut: Cut, id: [u8; 16], times: usize) {
        let wanted = Wanted { cut, id, times, has_begun: false };
        *self.wanted.lock().expect("no panic") = (times > 0).then_some(wanted);
    }

    pub(super) fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    /// Whether a batch with these parameters is to be cut.
    fn take(&self, parameters: &[u8]) -> Option<Cut> {
        let mut wanted = self.wanted.lock().expect("no panic");
        let is_next = |wanted: &&mut Wanted| wanted.has_begun || parameters.windows(16).any(|part| part == wanted.id);
        let found = wanted.as_mut().filter(is_next)?;
        (found.has_begun, found.times) = (true, found.times - 1);
        let (cut, is_last) = (found.cut, found.times == 0);
        if is_last {
            *wanted = None;
        }
        Some(cut)
    }
}

/// Reads along on one connection.
pub(super) struct Watcher {
    cuts: Arc<Cuts>,
    /// What is not a whole message yet.
    rest: Vec<u8>,
    has_greeted: bool,
    /// The names of the statements that write a batch.
    writing: HashSet<Vec<u8>>,
    /// What was written since `BEGIN`, in a transaction.
    open: Option<Vec<u8>>,
    /// A batch outside of a transaction: durable with the next `Sync`.
    next: Option<Vec<u8>>,
}

impl Watcher {
    pub(super) fn over(cuts: Arc<Cuts>) -> Self {
        Self { cuts, rest: Vec::new(), has_greeted: false, writing: HashSet::new(), open: None, next: None }
    }

    /// Reads what the node says. Returns where to cut if it ends with what makes a batch durable that is to be cut: the node
    /// says nothing more before it has the answer.
    pub(super) fn asked(&mut self, bytes: &[u8]) -> Option<Cut> {
        self.rest.extend_from_slice(bytes);
        let mut found = None;
        while let Some((kind, body)) = self.next_message() {
            found = self.message(kind, &body).or(found);
        }
        found
    }

    /// A cut was made.
    pub(super) fn done(&self) {
        self.cuts.made.fetch_add(1, Ordering::SeqCst);
    }

    /// The kind of the next message and its body. The first message of a connection has no kind.
    fn next_message(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = usize::from(self.has_greeted);
        let length = self.rest.get(head..head + 4)?.try_into().ok().map(u32::from_be_bytes)? as usize;
        let whole = head + length;
        if self.rest.len() < whole {
            return None;
        }
        let kind = if self.has_greeted { self.rest[0] } else { 0 };
        let body = self.rest[head + 4..whole].to_vec();
        self.rest.drain(..whole);
        self.has_greeted = true;
        Some((kind, body))
    }

    fn message(&mut self, kind: u8, body: &[u8]) -> Option<Cut> {
        let mut words = body.splitn(3, |byte| *byte == 0);
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        match kind {
            b'P' if contains(second, APPEND) => {
                self.writing.insert(first.to_vec());
                None
            }
            b'Q' if first == b"BEGIN" => {
                self.open = Some(Vec::new());
                None
            }
            b'Q' if first == b"COMMIT" => {
                let written = self.open.take()?;
                self.cuts.take(&written)
            }
            // The first word is the name of the portal.
            b'B' if self.writing.contains(second) => match &mut self.open {
                Some(written) => {
                    written.extend_from_slice(body);
                    None
                }
                None => {
                    self.next = Some(body.to_vec());
                    None
                }
            },
            b'S' => self.next.take().and_then(|written| self.cuts.take(&written)),
            _ => None,
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// What the statement begins with that writes a batch.
const APPEND: &[u8] = b"WITH added AS";

#[test]
fn a_batch_is_found_in_what_a_node_says_however_it_is_cut_into_pieces() {
    let message = |kind: &[u8], body: &[u8]| {
        let length = u32::try_from(body.len() + 4).expect("a short one").to_be_bytes();
        [kind, &length, body].concat()
    };
    let id = [7; 16];
    let parse = message(b"P", b"s1\0WITH added AS (...)\0\0\0");
    let bind = [message(b"B", &[&b"\0s1\0"[..], &id].concat()), message(b"S", b"")].concat();
    let other = message(b"B", b"\0s1\0other");
    let begun = message(b"Q", b"BEGIN\0");
    let ended = message(b"Q", b"COMMIT\0");
    let cut = |pieces: &[&[u8]], size: usize| {
        let cuts = Arc::new(Cuts::default());
        cuts.arm(Cut::AfterIt, id, 1);
        let mut watcher = Watcher::over(cuts);
        let said = [&message(b"", b"\0\x03\0\0user\0vestibule\0\0")[..], &pieces.concat()].concat();
        said.chunks(size).map(|piece| watcher.asked(piece)).filter(Option::is_some).count()
    };
    for size in [1, 5, 1000] {
        assert_eq!(cut(&[&parse, &bind], size), 1);
        assert_eq!(cut(&[&parse, &other], size), 0, "it names another one");
        assert_eq!(cut(&[&bind], size), 0, "no such statement");
        assert_eq!(cut(&[&parse, &begun, &bind], size), 0, "it is not durable yet");
        assert_eq!(cut(&[&parse, &begun, &bind, &ended], size), 1);
    }
}

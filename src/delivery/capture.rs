//! The capture: keeps messages in memory instead of sending them, for development and tests.

use std::collections::{HashMap, VecDeque};
use std::fmt;
#[cfg(any(feature = "server", test))]
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
#[cfg(any(feature = "server", test))]
use std::{io, sync::OnceLock};

use tokio::sync::Notify;

use crate::domain::id::MessageId;
#[cfg(any(feature = "server", test))]
use crate::domain::ports::Sealer;

#[cfg(any(feature = "server", test))]
use super::mailbox_files::MailboxFiles;
use super::{BoxFuture, Message, Outcome, Receipt, Transport};

/// A captured message.
pub type Captured = Arc<Message>;

/// Keeps the last 100 000 messages, indexed by address. A test can wait for a message; messages are sent after the call
/// that caused them was answered.
///
/// The HTML of a message goes after 1000 further ones.
#[derive(Default)]
pub struct Capture {
    kept: Mutex<Kept>,
    /// Wakes all waiting calls when a message is added.
    added: Notify,
    /// The messages on the disk, for a development instance.
    #[cfg(any(feature = "server", test))]
    files: OnceLock<MailboxFiles>,
    /// The sender in the source of e-mails.
    #[cfg(any(feature = "server", test))]
    sender: OnceLock<String>,
}

#[derive(Debug, Default)]
struct Kept {
    all: VecDeque<Captured>,
    by_address: HashMap<String, Mailbox>,
    /// Counts messages and clearings: it differs where there is something new to see.
    version: u64,
    /// Whether the instance stops, so that waiting for changes ends.
    is_closed: bool,
}

/// The messages to one address.
#[derive(Debug, Default)]
struct Mailbox {
    messages: VecDeque<Captured>,
    /// How many of them, from the oldest on, [`Capture::next_to`] has returned.
    taken: usize,
    /// How many of them, from the oldest on, have given their HTML away.
    plain: usize,
}

impl Capture {
    /// An empty capture.
    pub fn new() -> Self {
        Self::default()
    }

    /// The messages to a normalised address, oldest first.
    pub fn to(&self, address: &str) -> Vec<Captured> {
        let kept = self.kept();
        kept.by_address.get(address).map(|mailbox| mailbox.messages.iter().cloned().collect()).unwrap_or_default()
    }

    /// The last `limit` messages, oldest first.
    pub fn latest(&self, limit: usize) -> Vec<Captured> {
        let kept = self.kept();
        kept.all.iter().skip(kept.all.len().saturating_sub(limit)).cloned().collect()
    }

    /// The message with this id.
    pub fn message(&self, id: MessageId) -> Option<Captured> {
        self.kept().all.iter().rev().find(|message| message.id == id).cloned()
    }

    /// The last `limit` of the newest 5000 messages that contain all `words`, oldest first: in an address, the subject, the
    /// text, or as the id of the message or of what it was made for. Case does not matter.
    pub fn search(&self, words: &str, limit: usize) -> Vec<Captured> {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        let newest: Vec<Captured> = self.kept().all.iter().rev().take(SEARCHED_MAX).cloned().collect();
        let fitting = newest.into_iter().filter(|message| {
            let origin = message.origin.map(|origin| origin.to_string()).unwrap_or_default();
            let (id, text) = (message.id.to_string(), message.text.expose());
            let all = [&message.to, &message.display_to, &message.subject, text, &id, &origin];
            let all = all.map(|text| text.to_lowercase());
            words.iter().all(|word| all.iter().any(|text| text.contains(word)))
        });
        let mut found: Vec<Captured> = fitting.take(limit).collect();
        found.reverse();
        found
    }

    /// Forgets all messages, also those on the disk.
    pub fn clear(&self) {
        let mut kept = self.kept();
        *kept = Kept { version: kept.version + 1, is_closed: kept.is_closed, ..Kept::default() };
        // Ordered while the lock is held, so that a message that comes after it stays.
        #[cfg(any(feature = "server", test))]
        if let Some(files) = self.files.get() {
            files.clear();
        }
        drop(kept);
        self.added.notify_waiters();
    }

    /// A number that differs after each new message, and after they were cleared.
    #[cfg(any(feature = "server", test))]
    pub(crate) fn version(&self) -> u64 {
        self.kept().version
    }

    /// Waits until the version is another one than `seen`, or until the instance stops.
    #[cfg(any(feature = "server", test))]
    pub(crate) async fn changed(&self, seen: u64) -> u64 {
        self.until(|kept| (kept.version != seen || kept.is_closed).then_some(kept.version)).await
    }

    /// Ends all waiting for changes, because the instance stops.
    #[cfg(any(feature = "server", test))]
    pub(crate) fn close(&self) {
        self.kept().is_closed = true;
        self.added.notify_waiters();
    }

    /// Keeps the messages in `folder` too, and begins with those that are there.
    #[cfg(any(feature = "server", test))]
    pub(crate) fn keep_in(&self, folder: &Path, sealer: Arc<dyn Sealer>) -> io::Result<()> {
        let (messages, files) = MailboxFiles::open(folder, sealer)?;
        let mut kept = self.kept();
        for message in messages {
            kept.keep(Arc::new(message));
        }
        drop(kept);
        drop(self.files.set(files));
        Ok(())
    }

    /// Sets the sender that the source of e-mails shows.
    #[cfg(any(feature = "server", test))]
    pub(crate) fn set_sender(&self, sender: String) {
        drop(self.sender.set(sender));
    }

    /// The sender that the source of e-mails shows.
    #[cfg(any(feature = "server", test))]
    pub(crate) fn sender(&self) -> &str {
        self.sender.get().map_or("no-reply@localhost", String::as_str)
    }

    /// The oldest message to a normalised address that this method has not returned yet. Waits until there is one, which
    /// needs no timer: it works while tokio's time is paused, and the engine's clock does not matter. Of several calls
    /// that wait for one address each gets a message of its own. What [`to`](Self::to), [`latest`](Self::latest) and
    /// [`first`](Self::first) return does not depend on this method.
    ///
    /// It waits for ever where no message is sent. Wrap it in `tokio::time::timeout` if the test runner sets no limit.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::sync::Arc;
    /// # use vestibule::messages::Capture;
    /// # use vestibule::{Caller, Engine, NewSignUp, PrepareVerification, RequestContext, Strategy};
    /// # let settings = vestibule::settings::sample_settings("email_code")?;
    /// let mail = Arc::new(Capture::new());
    /// let engine = Engine::builder().settings(settings).email(mail.clone()).build().await?;
    /// # let context = RequestContext::default();
    /// # let fields = NewSignUp { email_address: Some("Ada@Example.com".into()), ..NewSignUp::default() };
    /// # let (sign_up, client) = engine.sign_ups().create(&Caller::anonymous(), &fields, &context).await?;
    /// # let token = client.new_token.ok_or("a token")?;
    /// # let (id, caller) = (sign_up.id(), engine.identify(Some(token.expose())).await?);
    /// engine.sign_ups().prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &context).await?;
    /// let message = mail.next_to("ada@example.com").await;
    /// assert_eq!(message.code.as_ref().map(|code| code.expose().len()), Some(6));
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next_to(&self, address: &str) -> Captured {
        self.until(|kept| kept.take(address)).await
    }

    /// The oldest kept message for which `is_wanted` is true; waits until there is one, as [`next_to`](Self::next_to)
    /// does. It may return the same message again.
    pub async fn first(&self, is_wanted: impl Fn(&Message) -> bool) -> Captured {
        self.until(|kept| kept.all.iter().find(|message| is_wanted(message)).cloned()).await
    }

    /// What `find` finds, tried now and after each new message.
    async fn until<T>(&self, find: impl Fn(&mut Kept) -> Option<T>) -> T {
        loop {
            // Registered before the look, so that a message between the look and the wait is not missed.
            let mut added = pin!(self.added.notified());
            added.as_mut().enable();
            let found = find(&mut self.kept());
            match found {
                Some(found) => return found,
                None => added.await,
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Capture {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        let message = Arc::new(message.clone());
        let mut kept = self.kept();
        #[cfg(any(feature = "server", test))]
        if let Some(files) = self.files.get() {
            files.keep(message.clone());
        }
        kept.keep(message);
        drop(kept);
        self.added.notify_waiters();
        Box::pin(std::future::ready(Outcome::Sent(Receipt::default())))
    }
}

impl Kept {
    fn keep(&mut self, message: Captured) {
        if self.all.len() == KEPT_MAX
            && let Some(oldest) = self.all.pop_front()
            && let Some(mailbox) = self.by_address.get_mut(&oldest.to)
        {
            mailbox.messages.pop_front();
            mailbox.taken = mailbox.taken.saturating_sub(1);
            mailbox.plain = mailbox.plain.saturating_sub(1);
            if mailbox.messages.is_empty() {
                self.by_address.remove(&oldest.to);
            }
        }
        self.by_address.entry(message.to.clone()).or_default().messages.push_back(message.clone());
        self.all.push_back(message);
        self.version += 1;
        self.lighten();
    }

    /// Takes the HTML from the message that has just become too old for it.
    fn lighten(&mut self) {
        let Some(message) = self.all.len().checked_sub(HTML_KEPT_MAX + 1).and_then(|at| self.all.get_mut(at)) else {
            return;
        };
        let plain = Arc::new(Message { html: None, logo: None, ..(**message).clone() });
        *message = plain.clone();
        // The messages to one address are in the same order as all of them.
        if let Some(mailbox) = self.by_address.get_mut(&plain.to)
            && let Some(same) = mailbox.messages.get_mut(mailbox.plain)
        {
            mailbox.plain += 1;
            *same = plain;
        }
    }

    fn take(&mut self, address: &str) -> Option<Captured> {
        let mailbox = self.by_address.get_mut(address)?;
        let message = mailbox.messages.get(mailbox.taken).cloned()?;
        mailbox.taken += 1;
        Some(message)
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").field("messages", &self.kept().all.len()).finish_non_exhaustive()
    }
}

const KEPT_MAX: usize = 100_000;
/// How many of the newest messages have their HTML: it is ten times as long as the rest of a message.
const HTML_KEPT_MAX: usize = 1000;
/// How many of the newest messages a search looks at.
const SEARCHED_MAX: usize = 5000;

/// A mailbox with a name (RFC 5322, 3.4), which may have commas and angle brackets.
#[cfg(any(feature = "server", test))]
pub(crate) fn mailbox(name: &str, address: &str) -> String {
    format!("\"{}\" <{address}>", name.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::super::samples::message;
    use super::*;
    use crate::domain::secret::Secret;

    #[tokio::test(start_paused = true)]
    async fn messages_are_waited_for_and_returned_once_each_in_order() {
        let capture = Arc::new(Capture::new());
        let waiting = tokio::spawn({
            let capture = capture.clone();
            async move { [next(&capture, "ada@example.com").await, next(&capture, "ada@example.com").await] }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        for (to, subject) in [("eve@example.com", "0"), ("ada@example.com", "1"), ("ada@example.com", "2")] {
            capture.deliver(&message(to, subject)).await;
        }
        assert_eq!(waiting.await.expect("a task"), ["1", "2"]);
        assert_eq!(capture.to("ada@example.com").len(), 2, "they are still there to read");
        assert!(timeout(Duration::from_secs(1), capture.next_to("ada@example.com")).await.is_err());
        assert_eq!(next(&capture, "eve@example.com").await, "0");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn calls_that_wait_for_one_address_get_a_message_each() {
        let capture = Arc::new(Capture::new());
        let waiting: Vec<_> = (0..50)
            .map(|_| {
                let capture = capture.clone();
                tokio::spawn(async move { next(&capture, "ada@example.com").await })
            })
            .collect();
        for n in 0..50 {
            capture.deliver(&message("ada@example.com", &format!("{n:02}"))).await;
            tokio::task::yield_now().await;
        }
        let mut got = Vec::new();
        for task in waiting {
            got.push(task.await.expect("a task"));
        }
        got.sort();
        assert_eq!(got, (0..50).map(|n| format!("{n:02}")).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_is_waited_for_by_what_it_holds() {
        let capture = Arc::new(Capture::new());
        let waiting = tokio::spawn({
            let capture = capture.clone();
            async move { capture.first(|message| message.subject == "wanted").await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        capture.deliver(&message("ada@example.com", "another")).await;
        capture.deliver(&message("eve@example.com", "wanted")).await;
        assert_eq!(waiting.await.expect("a task").to, "eve@example.com");
        assert_eq!(capture.first(|_| true).await.subject, "another");
    }

    #[tokio::test]
    async fn the_oldest_messages_go_and_what_was_taken_is_not_returned_again() {
        let capture = Capture::new();
        for n in 0..3 {
            capture.deliver(&message("ada@example.com", &n.to_string())).await;
        }
        for n in 0..2 {
            assert_eq!(next(&capture, "ada@example.com").await, n.to_string());
        }
        for _ in 0..KEPT_MAX - 1 {
            capture.deliver(&message("eve@example.com", "")).await;
        }
        assert_eq!(capture.to("ada@example.com").len(), 1, "two of three have gone");
        assert_eq!(next(&capture, "ada@example.com").await, "2");
        capture.deliver(&message("eve@example.com", "")).await;
        assert_eq!(capture.to("ada@example.com").len(), 0);
        capture.deliver(&message("ada@example.com", "3")).await;
        assert_eq!(next(&capture, "ada@example.com").await, "3");
    }

    #[tokio::test]
    async fn old_messages_give_their_html_away_and_keep_their_text() {
        let capture = Capture::new();
        let html = |to: &str| Message { html: Some(Secret::new("<p>hello</p>".into())), ..message(to, "hello") };
        capture.deliver(&html("ada@example.com")).await;
        for n in 0..HTML_KEPT_MAX {
            capture.deliver(&html(if n % 2 == 0 { "ada@example.com" } else { "eve@example.com" })).await;
        }
        let of = |address| capture.to(address).iter().filter(|message| message.html.is_some()).count();
        assert_eq!((of("ada@example.com"), of("eve@example.com")), (HTML_KEPT_MAX / 2, HTML_KEPT_MAX / 2));
        let oldest = &capture.to("ada@example.com")[0];
        assert_eq!((oldest.html.is_some(), oldest.subject.as_str()), (false, "hello"));
        assert_eq!(capture.latest(usize::MAX).iter().filter(|message| message.html.is_some()).count(), HTML_KEPT_MAX);
    }

    #[tokio::test]
    async fn messages_are_found_by_words_and_by_what_they_were_made_for() {
        let capture = Capture::new();
        for (to, subject) in
            [("ada@example.com", "Your Code"), ("eve@example.com", "Your code"), ("eve@example.com", "x")]
        {
            capture.deliver(&message(to, subject)).await;
        }
        let found = |words: &str| capture.search(words, 10).iter().map(|m| m.to.clone()).collect::<Vec<_>>();
        assert_eq!(found("code"), ["ada@example.com", "eve@example.com"]);
        assert_eq!(found("EVE your"), ["eve@example.com"]);
        assert_eq!(found("nobody"), [""; 0]);
        let origin = message("", "").origin.expect("an origin").to_string();
        assert_eq!(found(&origin).len(), 3);
        assert_eq!(capture.search("", 2).len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_waited_for_until_the_instance_stops() {
        let capture = Arc::new(Capture::new());
        let seen = capture.version();
        assert!(timeout(Duration::from_secs(60), capture.changed(seen)).await.is_err());
        capture.deliver(&message("ada@example.com", "1")).await;
        let seen = capture.changed(seen).await;
        capture.clear();
        assert!(capture.latest(10).is_empty() && capture.to("ada@example.com").is_empty());
        let seen = capture.changed(seen).await;
        capture.close();
        assert_eq!(capture.changed(seen).await, seen);
    }

    async fn next(capture: &Capture, address: &str) -> String {
        capture.next_to(address).await.subject.clone()
    }

    #[cfg(feature = "smtp")]
    #[test]
    fn any_name_makes_a_mailbox() {
        for name in ["Acme", "Acme, Inc.", "Acme <Books>", "The \"Acme\"", "a\\b", "Ädä: 東京; (x) @y"] {
            let written = mailbox(name, "no-reply@acme.example");
            let parsed = written.parse::<lettre::message::Mailbox>();
            let parsed = parsed.unwrap_or_else(|error| panic!("{written}: {error}"));
            assert_eq!(parsed.name.as_deref(), Some(name));
        }
    }
}

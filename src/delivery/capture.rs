//! The capture: keeps messages in memory instead of sending them, for development and tests.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{BoxFuture, Message, Outcome, Receipt, Transport};

/// A captured message.
pub type Captured = Arc<Message>;

/// Keeps the last 100 000 messages, indexed by address. A test can wait for a message; messages are sent after the call
/// that caused them was answered.
#[derive(Debug, Default)]
pub struct Capture {
    kept: Mutex<Kept>,
    /// Wakes all waiting calls when a message is added.
    added: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    all: VecDeque<Captured>,
    by_address: HashMap<String, Mailbox>,
}

/// The messages to one address.
#[derive(Debug, Default)]
struct Mailbox {
    messages: VecDeque<Captured>,
    /// How many of them, from the oldest on, [`Capture::next_to`] has returned.
    taken: usize,
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
    async fn until(&self, find: impl Fn(&mut Kept) -> Option<Captured>) -> Captured {
        loop {
            // Registered before the look, so that a message between the look and the wait is not missed.
            let mut added = pin!(self.added.notified());
            added.as_mut().enable();
            let found = find(&mut self.kept());
            match found {
                Some(message) => return message,
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
        self.kept().keep(Arc::new(message.clone()));
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
            if mailbox.messages.is_empty() {
                self.by_address.remove(&oldest.to);
            }
        }
        self.by_address.entry(message.to.clone()).or_default().messages.push_back(message.clone());
        self.all.push_back(message);
    }

    fn take(&mut self, address: &str) -> Option<Captured> {
        let mailbox = self.by_address.get_mut(address)?;
        let message = mailbox.messages.get(mailbox.taken).cloned()?;
        mailbox.taken += 1;
        Some(message)
    }
}

const KEPT_MAX: usize = 100_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use crate::delivery::Channel;
    use crate::domain::id::MessageId;
    use crate::domain::message::Template;
    use crate::domain::secret::Secret;
    use crate::domain::time::Timestamp;

    use super::*;

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

    async fn next(capture: &Capture, address: &str) -> String {
        capture.next_to(address).await.subject.clone()
    }

    fn message(to: &str, subject: &str) -> Message {
        Message {
            id: MessageId::from_bytes([1; 16]),
            channel: Channel::Email,
            to: to.into(),
            display_to: to.into(),
            code: None,
            link: None,
            template: Template::VerificationCode,
            phone_channel: None,
            locale: "en".into(),
            subject: subject.into(),
            html: None,
            text: Secret::new(String::new()),
            created_at: Timestamp::EPOCH,
            expire_at: Timestamp::EPOCH,
        }
    }
}

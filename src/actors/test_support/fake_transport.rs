//! A transport that records its messages and answers as a test tells it to.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Clock;
use crate::delivery::{BoxFuture, Failure, FailureClass, Message, Outcome, Receipt, Transport};
use crate::domain::id::MessageId;
use crate::domain::time::Timestamp;

/// The transport's answer to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Sent,
    Refused,
    Retry,
    Unavailable,
    /// No answer, ever.
    Nothing,
    Panics,
}

/// A recorded message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordedMessage {
    pub(crate) id: MessageId,
    pub(crate) to: String,
    pub(crate) code: Option<String>,
    /// How long after the transport was made.
    pub(crate) after: Duration,
    pub(crate) answer: Answer,
    pub(crate) created_at: Timestamp,
    pub(crate) expire_at: Timestamp,
    /// When, by the clock of the engine, if the transport was told of that.
    pub(crate) at: Option<Timestamp>,
}

type Answers = Box<dyn FnMut(&Message) -> Answer + Send>;

/// A transport that records its messages.
pub(crate) struct FakeTransport {
    began: Instant,
    answers: Mutex<Answers>,
    handed: Mutex<Vec<RecordedMessage>>,
    is_cut_off: AtomicBool,
    routes: Mutex<Vec<String>>,
    resets: AtomicUsize,
    clock: Mutex<Option<Arc<dyn Clock>>>,
}

impl FakeTransport {
    /// A transport that accepts every message.
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            answers: Mutex::new(Box::new(|_| Answer::Sent)),
            handed: Mutex::default(),
            is_cut_off: AtomicBool::new(false),
            routes: Mutex::default(),
            resets: AtomicUsize::new(0),
            clock: Mutex::default(),
        }
    }

    /// Answers like this from now on.
    pub(crate) fn answer_always(&self, what: Answer) {
        self.answer_with(move |_| what);
    }

    /// Answers with the results of `answers` from now on.
    pub(crate) fn answer_with(&self, answers: impl FnMut(&Message) -> Answer + Send + 'static) {
        *self.answers.lock().expect("no panic") = Box::new(answers);
    }

    /// All messages so far, in order.
    pub(crate) fn handed(&self) -> Vec<RecordedMessage> {
        self.handed.lock().expect("no panic").clone()
    }

    /// The messages to one address.
    pub(crate) fn handed_to(&self, address: &str) -> Vec<RecordedMessage> {
        self.handed().into_iter().filter(|handed| handed.to == address).collect()
    }

    /// Has a route for addresses that begin so.
    pub(crate) fn add_route(&self, prefix: &str) {
        self.routes.lock().expect("no panic").push(prefix.to_owned());
    }

    /// Notes the time by this clock from now on.
    pub(crate) fn read_clock(&self, clock: Arc<dyn Clock>) {
        *self.clock.lock().expect("no panic") = Some(clock);
    }

    /// How often it was told to begin anew.
    pub(crate) fn resets(&self) -> usize {
        self.resets.load(Ordering::SeqCst)
    }

    /// The last code that was sent to an address.
    pub(crate) fn code(&self, address: &str) -> String {
        let sent = self.handed_to(address).pop().expect("a message");
        sent.code.expect("a code")
    }

    /// Ends access for a run that has ended.
    pub(super) fn cut_off(&self) {
        self.is_cut_off.store(true, Ordering::SeqCst);
    }
}

impl Transport for FakeTransport {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        if self.is_cut_off.load(Ordering::SeqCst) {
            return Box::pin(std::future::pending());
        }
        let answer = self.answers.lock().expect("no panic")(message);
        self.handed.lock().expect("no panic").push(RecordedMessage {
            id: message.id,
            to: message.to.clone(),
            code: message.code.as_ref().map(|code| code.expose().clone()),
            after: self.began.elapsed(),
            answer,
            created_at: message.created_at,
            expire_at: message.expire_at,
            at: self.clock.lock().expect("no panic").as_ref().map(|clock| clock.now()),
        });
        let reason = || Failure::new(FailureClass::Provider, "a test wanted this");
        let outcome = match answer {
            Answer::Sent => Outcome::Sent(Receipt::default()),
            Answer::Refused => Outcome::Refused(reason()),
            Answer::Retry => Outcome::Retry(reason()),
            Answer::Unavailable => Outcome::Unavailable(reason()),
            Answer::Nothing => return Box::pin(std::future::pending()),
            Answer::Panics => panic!("a test wanted this panic"),
        };
        Box::pin(std::future::ready(outcome))
    }

    fn routes(&self) -> Vec<String> {
        self.routes.lock().expect("no panic").clone()
    }

    fn route(&self, to: &str) -> Option<usize> {
        self.routes.lock().expect("no panic").iter().position(|prefix| to.starts_with(prefix))
    }

    fn reset(&self) {
        self.resets.fetch_add(1, Ordering::SeqCst);
    }
}

//! The relay: opens what the outbox holds, has it delivered, and strikes it out. The commit wakes it; it does not
//! poll. Delivery is at least once: a message may go out twice, with the same id, never with another code.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::sync::Semaphore;

use crate::delivery::{self, Envelope, Outcome, Transport, Wording};
use crate::domain::effect::Content;
use crate::domain::secret::Secret;
use crate::store::{Commit, CommitError, OutboxEntry};

use super::environment::Environment;
use super::persister::Persister;

/// A message to the relay.
pub(super) enum RelayMessage {
    /// The persister stands: begin with what an earlier run left behind.
    Begin(Persister),
    /// A commit holds this entry.
    Deliver(OutboxEntry),
    /// Answer once nothing is on its way.
    Rest(RpcReplyPort<()>),
}

/// How messages leave.
pub(super) struct Arguments {
    pub(super) environment: Arc<Environment>,
    pub(super) transports: Transports,
    /// What the messages say beside their secrets.
    pub(super) wording: Wording,
}

/// The transports by channel.
#[derive(Clone)]
pub struct Transports {
    /// For e-mail.
    pub email: Arc<dyn Transport>,
    /// For text messages.
    pub sms: Arc<dyn Transport>,
}

pub(super) struct RelayActor;

pub(super) struct State {
    courier: Arc<Courier>,
    persister: Option<Persister>,
    places: Arc<Semaphore>,
}

struct Courier {
    environment: Arc<Environment>,
    transports: Transports,
    wording: Wording,
}

impl Actor for RelayActor {
    type Msg = RelayMessage;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<Self::Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        let Arguments { environment, transports, wording } = arguments;
        let places = Arc::new(Semaphore::new(environment.options.deliveries_max));
        Ok(State { courier: Arc::new(Courier { environment, transports, wording }), persister: None, places })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: RelayMessage,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            RelayMessage::Begin(persister) => {
                state.persister = Some(persister);
                state.resume(myself).await;
            }
            RelayMessage::Deliver(entry) => state.deliver(entry),
            RelayMessage::Rest(reply) => {
                let all = u32::try_from(state.courier.environment.options.deliveries_max).unwrap_or(u32::MAX);
                let rest = tokio::time::timeout(REST_MAX, state.places.acquire_many(all)).await;
                if rest.is_err() {
                    tracing::warn!("messages were still on their way; they stay in the outbox");
                }
                drop(reply.send(()));
            }
        }
        Ok(())
    }
}

impl State {
    /// Takes up what is in the outbox from before.
    async fn resume(&self, myself: ActorRef<RelayMessage>) {
        let mut after = None;
        loop {
            match self.courier.environment.store.outbox(after, PAGE).await {
                Ok(page) => {
                    after = page.last().map(|entry| entry.id);
                    let is_last = page.len() < PAGE;
                    for entry in page {
                        drop(myself.send_message(RelayMessage::Deliver(entry)));
                    }
                    if is_last {
                        return;
                    }
                }
                Err(error) => return tracing::error!(%error, "the outbox could not be read"),
            }
        }
    }

    fn deliver(&self, entry: OutboxEntry) {
        let Some(persister) = self.persister.clone() else { return };
        let (courier, places) = (self.courier.clone(), self.places.clone());
        tokio::spawn(async move { courier.carry(&entry, &persister, &places).await });
    }
}

impl Courier {
    /// Tries until the message is sent, refused or no longer worth sending, and strikes it out. A place is held
    /// while a transport works and not between tries, so that messages that can't leave hold up no others.
    async fn carry(&self, entry: &OutboxEntry, persister: &Persister, places: &Semaphore) {
        let Some(message) = self.open(entry) else { return strike_out(persister, entry).await };
        let transport = match message.channel {
            delivery::Channel::Email => &self.transports.email,
            delivery::Channel::Sms => &self.transports.sms,
        };
        let mut pause = PAUSE_FIRST;
        loop {
            let Ok(place) = places.acquire().await else { return };
            if self.environment.now() >= entry.expire_at {
                tracing::warn!(message.id = %entry.id, "a message expired before it could be sent");
                return strike_out(persister, entry).await;
            }
            match transport.deliver(&message).await {
                Outcome::Sent => return strike_out(persister, entry).await,
                Outcome::Refused { reason } => {
                    tracing::warn!(message.id = %entry.id, reason, "a message was refused for good");
                    return strike_out(persister, entry).await;
                }
                Outcome::Retry { reason } | Outcome::Unavailable { reason } => {
                    tracing::warn!(message.id = %entry.id, reason, "a message could not be sent; it is tried again");
                }
            }
            drop(place);
            tokio::time::sleep(self.jittered(pause)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// The message with its secret; `None` if it can never be sent: it was sealed under another key, or never meant to.
    fn open(&self, entry: &OutboxEntry) -> Option<delivery::Message> {
        let plain = self.environment.sealer.open(entry.id.as_bytes(), &entry.sealed);
        let content = plain.and_then(|plain| unsealed(std::str::from_utf8(&plain).ok()?));
        let Some(content) = content else {
            tracing::error!(message.id = %entry.id, "a message can't be opened with this instance key");
            return None;
        };
        let envelope = Envelope {
            id: entry.id,
            to: &entry.to,
            display_to: &entry.display_to,
            created_at: entry.created_at,
            expire_at: entry.expire_at,
        };
        let words = &self.wording;
        match content {
            Content::Code(code) => Some(words.code_message(envelope, &code)),
            Content::Link { token, code } => Some(words.link_message(envelope, &token, code.as_ref())),
            Content::Invitation(ticket) => Some(words.invitation_message(envelope, &ticket)),
            Content::Notice => Some(words.notice_message(envelope)),
            Content::Decoy => None,
        }
    }

    /// `pause` ± 50 %, so that failed messages do not all come back at once.
    fn jittered(&self, pause: Duration) -> Duration {
        let mut byte = [0];
        self.environment.decide(|cx| cx.entropy.fill(&mut byte));
        pause.mul_f64(0.5 + f64::from(byte[0]) / 255.0)
    }
}

/// What a message says as it is sealed: a word, and after it the secrets, a line each.
pub(super) fn sealable(content: &Content) -> Secret<String> {
    Secret::new(match content {
        Content::Code(code) => format!("{CODE}\n{}", code.expose()),
        Content::Link { token, code: None } => format!("{LINK}\n{}", token.expose()),
        Content::Link { token, code: Some(code) } => format!("{LINK}\n{}\n{}", token.expose(), code.expose()),
        Content::Invitation(ticket) => format!("{INVITATION}\n{}", ticket.expose()),
        Content::Notice => NOTICE.to_owned(),
        Content::Decoy => DECOY.to_owned(),
    })
}

fn unsealed(plain: &str) -> Option<Content> {
    let mut lines = plain.split('\n');
    let word = lines.next()?;
    let mut secret = || lines.next().map(|line| Secret::new(line.to_owned()));
    Some(match word {
        CODE => Content::Code(secret()?),
        LINK => Content::Link { token: secret()?, code: secret() },
        INVITATION => Content::Invitation(secret()?),
        NOTICE => Content::Notice,
        DECOY => Content::Decoy,
        _ => return None,
    })
}

const CODE: &str = "code";
const LINK: &str = "link";
const INVITATION: &str = "invitation";
const NOTICE: &str = "notice";
const DECOY: &str = "decoy";

/// Strikes an entry out; a full queue is waited for, since the message would be sent again otherwise.
async fn strike_out(persister: &Persister, entry: &OutboxEntry) {
    for _ in 0..STRIKES_MAX {
        let commit = Commit { at: entry.created_at, sent: vec![entry.id], relaxed: true, ..Commit::default() };
        match persister.commit(commit).await {
            Ok(_) => return,
            Err(CommitError::Overloaded) => tokio::time::sleep(PAUSE_FIRST).await,
            Err(error) => return tracing::warn!(message.id = %entry.id, %error, "a sent message stays in the outbox"),
        }
    }
}

const PAGE: usize = 256;
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
const STRIKES_MAX: usize = 10;
/// How long a shutdown waits for what is on its way.
const REST_MAX: Duration = Duration::from_secs(5);

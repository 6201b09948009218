//! Reading the events: a stream that goes on for as long as the engine runs, and cursors, which keep a reader's place
//! ([guide: Events](crate::guide::events)).

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::watch;

use crate::domain::event::{Event, Position};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::store::{Commit, EventPage, Housekeeping, Store};

use super::{Engine, EngineError};

/// Where a reader of the events begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventsFrom {
    /// With the oldest event that is kept.
    Oldest,
    /// With the next event that happens.
    Now,
    /// Behind this position.
    After(Position),
}

/// The events, in order: those that are recorded, then each new one when it happens. It reads a hundred at a time, and
/// nothing while there are none, so a slow reader costs disk and no memory.
///
/// It ends when the engine is shut down. After [`EngineError::EventsLost`] it ends, too; after other errors it goes on
/// where it was, at the earliest a second later.
pub struct EventStream(Pin<Box<dyn Stream<Item = Result<Event, EngineError>> + Send>>);

/// A place in the events with a name, which is stored with the data. An application that keeps its own records advances
/// the cursor behind each event, or behind some, once it has stored what it made of them. After a crash it begins again
/// where the cursor is, so it sees each event at least once; the id of an event tells whether it has seen it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use vestibule::Engine;
/// # use vestibule::users::NewUser;
/// # let engine = Engine::builder().build().await?;
/// # let input = NewUser { skip_user_requirement: true, external_id: Some("ada-1".into()), ..NewUser::default() };
/// # engine.users().create(&input).await?;
/// use vestibule::events::Happened;
///
/// let cursor = engine.events().cursor("newsletter");
/// let mut events = cursor.subscribe().await?;
/// while let Some(event) = events.next().await {
///     let event = event?;
///     if let Happened::UserCreated { id, .. } = event.what {
///         println!("welcome, {id}"); // your own work: once it is durable, advance
///     }
///     cursor.advance(event.position).await?;
/// #   break;
/// }
/// # assert!(cursor.position().await?.is_some());
/// # engine.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Cursor<'a> {
    engine: &'a Engine,
    name: String,
}

impl EventStream {
    /// The next event; waits until there is one. `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Result<Event, EngineError>> {
        self.0.next().await
    }
}

impl Stream for EventStream {
    type Item = Result<Event, EngineError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventStream")
    }
}

impl<'a> Cursor<'a> {
    pub(super) fn new(engine: &'a Engine, name: &str) -> Self {
        Self { engine, name: name.to_owned() }
    }

    /// The stored position; `None` while it was never advanced.
    ///
    /// # Errors
    /// `form_param_value_invalid` unless the name has 1 to 64 characters, each a letter or digit of ASCII, `.`, `_` or `-`.
    pub async fn position(&self) -> Result<Option<Position>, EngineError> {
        self.engine.cursor_position(&self.name).await
    }

    /// The events behind the stored position; all that are kept while it was never advanced.
    ///
    /// # Errors
    /// [`EngineError::EventsLost`], and as [`Self::position`].
    pub async fn subscribe(&self) -> Result<EventStream, EngineError> {
        let from = self.position().await?.map_or(EventsFrom::Oldest, EventsFrom::After);
        self.engine.subscribe_to_events(from).await
    }

    /// Stores the position, and returns once it is durable. A new cursor begins to exist by that; an earlier position than
    /// the stored one is taken, too. It costs a write to the disk, so a reader of many events does it once for many.
    ///
    /// # Errors
    /// As [`Self::position`]; `form_param_value_invalid` for a new cursor beside a hundred others.
    pub async fn advance(&self, to: Position) -> Result<(), EngineError> {
        self.engine.advance_cursor(&self.name, to).await
    }
}

impl Engine {
    /// [`Events::subscribe`](crate::engine::Events::subscribe).
    pub(in crate::engine) async fn subscribe_to_events(&self, from: EventsFrom) -> Result<EventStream, EngineError> {
        self.admitted(async {
            let store = &self.inner.actor_context.store;
            let newer = self.inner.actor_context.event_log.watch();
            let after = match from {
                EventsFrom::Oldest => None,
                EventsFrom::Now => store.last_event().await?,
                EventsFrom::After(position) => {
                    check_kept(Some(position), &store.events(Some(position), 0).await?)?;
                    Some(position)
                }
            };
            let portion = Vec::new().into_iter();
            let reader = Reader { store: store.clone(), newer, after, portion, has_failed: false, is_over: false };
            let next = |mut reader: Reader| async move { reader.next().await.map(|item| (item, reader)) };
            Ok(EventStream(Box::pin(stream::unfold(reader, next))))
        })
        .await
    }

    /// [`Events::read`](crate::engine::Events::read).
    pub(in crate::engine) async fn read_events(
        &self,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<Event>, EngineError> {
        self.admitted(async {
            let page = self.inner.store().events(after, limit.min(LIMIT_MAX)).await?;
            check_kept(after, &page)?;
            Ok(page.events)
        })
        .await
    }

    /// [`Cursor::position`].
    pub(in crate::engine) async fn cursor_position(&self, name: &str) -> Result<Option<Position>, EngineError> {
        self.admitted(async { self.stored_cursor(&value_name(name)?).await }).await
    }

    /// [`Cursor::advance`].
    pub(in crate::engine) async fn advance_cursor(&self, name: &str, to: Position) -> Result<(), EngineError> {
        self.admitted(async {
            let name = value_name(name)?;
            let is_new = self.stored_cursor(&name).await?.is_none();
            if is_new && self.inner.store().values(CURSOR, CURSORS_MAX).await?.len() == CURSORS_MAX {
                return Err(refused());
            }
            let commit = Commit::of_value(self.now(), &name, to.to_string().into_bytes());
            self.inner.system.persister().commit(commit).await?;
            Ok(())
        })
        .await
    }

    /// [`Events::cursors`](crate::engine::Events::cursors).
    pub(in crate::engine) async fn list_cursors(&self) -> Result<Vec<(String, Position)>, EngineError> {
        self.admitted(async {
            let values = self.inner.store().values(CURSOR, CURSORS_MAX).await?;
            let cursor =
                |(name, value): (String, Vec<u8>)| Some((name.strip_prefix(CURSOR)?.to_owned(), parse(&value)?));
            Ok(values.into_iter().filter_map(cursor).collect())
        })
        .await
    }

    /// [`Events::remove_cursor`](crate::engine::Events::remove_cursor).
    pub(in crate::engine) async fn remove_cursor(&self, name: &str) -> Result<(), EngineError> {
        self.admitted(async {
            let name = value_name(name)?;
            self.stored_cursor(&name).await?.ok_or(EngineError::NotFound)?;
            let forget = Housekeeping { forget: vec![name], ..Housekeeping::default() };
            let commit = Commit { relaxed: false, ..Commit::of_housekeeping(self.now(), forget) };
            self.inner.system.persister().commit(commit).await?;
            Ok(())
        })
        .await
    }

    async fn stored_cursor(&self, name: &str) -> Result<Option<Position>, EngineError> {
        Ok(self.inner.store().value(name).await?.and_then(|value| parse(&value)))
    }
}

/// Reads the events for a stream.
struct Reader {
    store: Arc<dyn Store>,
    newer: watch::Receiver<Option<Position>>,
    after: Option<Position>,
    /// What was read and not yet given out.
    portion: std::vec::IntoIter<Event>,
    has_failed: bool,
    is_over: bool,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<Event, EngineError>> {
        loop {
            if let Some(event) = self.portion.next() {
                self.after = Some(event.position);
                return Some(Ok(event));
            }
            if self.is_over {
                return None;
            }
            if std::mem::take(&mut self.has_failed) {
                tokio::time::sleep(RETRY).await;
            }
            // Before the read, so that what is committed after it is noticed.
            self.newer.borrow_and_update();
            let page = match self.store.events(self.after, PORTION).await {
                Ok(page) => page,
                // The engine has stopped and closed the store.
                Err(_) if self.newer.has_changed().is_err() => return None,
                Err(error) => {
                    self.has_failed = true;
                    return Some(Err(error.into()));
                }
            };
            if let Err(error) = check_kept(self.after, &page) {
                self.is_over = true;
                return Some(Err(error));
            }
            if page.events.is_empty() && self.newer.changed().await.is_err() {
                return None;
            }
            self.portion = page.events.into_iter();
        }
    }
}

fn check_kept(after: Option<Position>, page: &EventPage) -> Result<(), EngineError> {
    match (after, page.removed_to) {
        (Some(after), Some(removed_to)) if after < removed_to => Err(EngineError::EventsLost { removed_to }),
        _ => Ok(()),
    }
}

/// The name of the value in which a cursor is stored.
fn value_name(cursor: &str) -> Result<String, EngineError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_name = (1..=NAME_MAX).contains(&cursor.len()) && cursor.bytes().all(is_allowed);
    if is_name { Ok(format!("{CURSOR}{cursor}")) } else { Err(refused()) }
}

fn parse(value: &[u8]) -> Option<Position> {
    str::from_utf8(value).ok()?.parse().ok()
}

fn refused() -> EngineError {
    Rejection::from(ErrorCode::FormParamValueInvalid.on("cursor")).into()
}

/// How the names of the values of cursors begin.
const CURSOR: &str = "cursor:";
const NAME_MAX: usize = 64;
const CURSORS_MAX: usize = 100;
/// How many events a stream reads at once.
const PORTION: usize = 100;
/// How many events a call returns at most.
const LIMIT_MAX: usize = 1000;
/// How long a stream waits after a read that failed.
const RETRY: Duration = Duration::from_secs(1);

//! Connections to the database: one for writes, and a few that all reads share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls, Statement};

use super::clocks::Clocks;
use super::names::Names;
use super::tls::Tls;
use crate::store::health::{Health, Unready};

/// The connections of one store.
pub(super) struct Pool {
    config: Config,
    /// `None` where no connection is encrypted.
    tls: Option<Tls>,
    pub(super) names: Names,
    /// Whether batches write the rows of users.
    pub(super) projects: bool,
    /// Held while a batch is written.
    writer: Mutex<Option<Arc<Session>>>,
    readers: Vec<Mutex<Option<Arc<Session>>>>,
    next: AtomicUsize,
    fails: AtomicBool,
    pub(super) clocks: Clocks,
    is_closed: AtomicBool,
}

/// A connection, and its prepared statements.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) get: Statement,
    pub(super) scan: Statement,
    pub(super) scan_back: Statement,
    pub(super) append: Statement,
    /// The same with rows of users, where the store has them: for the connection that writes.
    pub(super) append_projected: Option<Statement>,
}

/// Why there is no connection; nothing was sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoConnection {
    #[error("the store is closed")]
    Closed,
    #[error("the database did not answer within {} seconds", CONNECT_WITHIN.as_secs())]
    Slow,
    #[error("{}", in_words(.0))]
    Refused(#[from] tokio_postgres::Error),
}

impl Pool {
    pub(super) fn new(config: Config, tls: Option<Tls>, names: Names, projects: bool) -> Self {
        Self {
            config,
            tls,
            names,
            projects,
            writer: Mutex::default(),
            readers: (0..READERS).map(|_| Mutex::default()).collect(),
            next: AtomicUsize::new(0),
            fails: AtomicBool::new(false),
            clocks: Clocks::default(),
            is_closed: AtomicBool::new(false),
        }
    }

    /// A connection without prepared statements: the tables may be missing.
    pub(super) async fn bare(&self) -> Result<Client, NoConnection> {
        if self.is_closed.load(Ordering::Relaxed) {
            return Err(NoConnection::Closed);
        }
        let connected = timeout(CONNECT_WITHIN, self.connect()).await.unwrap_or(Err(NoConnection::Slow));
        self.note(connected.is_ok());
        connected
    }

    /// A connection for a read.
    pub(super) async fn reader(&self) -> Result<Arc<Session>, NoConnection> {
        let begin = self.next.fetch_add(1, Ordering::Relaxed);
        let in_turn = |n: usize| &self.readers[begin.wrapping_add(n) % self.readers.len()];
        // One that is in use may have fallen silent.
        let idle = (0..self.readers.len()).filter_map(|n| in_turn(n).try_lock().ok());
        let mut idle = idle.filter(|slot| slot.as_ref().is_none_or(|session| Arc::strong_count(session) == 1));
        let mut slot = match idle.next() {
            Some(slot) => slot,
            None => in_turn(0).lock().await,
        };
        self.session(&mut slot, false).await
    }

    /// Gives no more reads to the connections that there are; reads that are under way keep theirs. Where one has fallen silent,
    /// the others have most likely, too. It waits for nobody: a place that is in use just now is being connected.
    pub(super) fn forget_readers(&self) {
        for mut slot in self.readers.iter().filter_map(|slot| slot.try_lock().ok()) {
            *slot = None;
        }
    }

    /// The connection for writes. While the guard is held, no other call uses it.
    pub(super) async fn writer(&self) -> Result<(MutexGuard<'_, Option<Arc<Session>>>, Arc<Session>), NoConnection> {
        let mut slot = self.writer.lock().await;
        let session = self.session(&mut slot, true).await?;
        Ok((slot, session))
    }

    /// Notes whether the last call has reached the database.
    pub(super) fn note(&self, is_reached: bool) {
        self.fails.store(!is_reached, Ordering::Relaxed);
    }

    pub(super) fn health(&self) -> Health {
        match (self.is_closed.load(Ordering::Relaxed), self.fails.load(Ordering::Relaxed)) {
            (true, _) => Err(Unready::Closed),
            // First, since it is known for longer: a call that fails does not make the time right.
            _ if self.clocks.are_apart() => Err(Unready::ClocksApart),
            (_, true) => Err(Unready::Unreachable),
            _ => Ok(()),
        }
    }

    pub(super) async fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        for slot in self.readers.iter().chain([&self.writer]) {
            drop(slot.lock().await.take());
        }
    }

    async fn session(&self, slot: &mut Option<Arc<Session>>, is_writer: bool) -> Result<Arc<Session>, NoConnection> {
        if let Some(session) = slot.as_ref().filter(|session| !session.client.is_closed()) {
            return Ok(session.clone());
        }
        let client = self.bare().await?;
        let prepared =
            timeout(CONNECT_WITHIN, self.prepared(client, is_writer)).await.unwrap_or(Err(NoConnection::Slow));
        self.note(prepared.is_ok());
        Ok(slot.insert(Arc::new(prepared?)).clone())
    }

    async fn prepared(&self, client: Client, is_writer: bool) -> Result<Session, NoConnection> {
        let names = &self.names;
        let (get, scan, scan_back, append) = (names.get(), names.scan(), names.scan_back(), names.append());
        let (get, scan, scan_back, append) = tokio::try_join!(
            client.prepare(&get),
            client.prepare(&scan),
            client.prepare(&scan_back),
            client.prepare(&append)
        )?;
        // A lock that the application holds on the table of users keeps this from being prepared, and no reads.
        let append_projected = match self.projects && is_writer {
            true => Some(client.prepare(&names.append_projected()).await?),
            false => None,
        };
        Ok(Session { client, get, scan, scan_back, append, append_projected })
    }

    async fn connect(&self) -> Result<Client, NoConnection> {
        let client = match &self.tls {
            Some(tls) if self.config.get_ssl_mode() != SslMode::Disable => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                spawn(connection);
                client
            }
            _ => {
                let (client, connection) = self.config.connect(NoTls).await?;
                spawn(connection);
                client
            }
        };
        client.batch_execute(SETTINGS).await?;
        self.clocks.compare(&client).await;
        Ok(client)
    }
}

/// Runs a connection until its client is dropped or it fails, which the next call finds out.
fn spawn(connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = in_words(&error), "a connection to the database has ended");
        }
    });
}

/// An error with its cause, which its own words leave out.
pub(super) fn in_words(error: &tokio_postgres::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        words = format!("{words}: {next}");
        cause = next.source();
    }
    words
}

/// A statement is never ended from here by time: one that waits for a standby would then count as committed, and the standby
/// would not have it. Who waits too long drops the connection instead. Every statement goes by the index on the key, and is
/// planned once, also where the server has no statistics of the table yet.
/// Stamps are compared in any case, and under a stricter level all nodes would conflict at the number of the next record.
const SETTINGS: &str = "SET default_transaction_isolation = 'read committed'; SET statement_timeout = 0; SET lock_timeout = '250ms'; \
                        SET idle_in_transaction_session_timeout = '2s'; SET client_min_messages = warning; \
                        SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
                        SET plan_cache_mode = force_generic_plan";
/// How many connections reads share; each may have many under way.
pub(super) const READERS: usize = 4;
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

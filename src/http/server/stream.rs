//! A socket whose peer is watched: moved bytes are recorded, and an answer that isn't taken ends the connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::super::pace::Pace;
use super::connections::Connection;

/// A socket of one connection. Writes fail with [`io::ErrorKind::TimedOut`] once the peer has taken bytes too slowly.
#[derive(Debug)]
pub(super) struct WatchedStream {
    stream: TcpStream,
    connection: Arc<Connection>,
    pace: Pace,
    patience: Option<Pin<Box<Sleep>>>,
}

impl WatchedStream {
    /// Watches `stream`; the peer must take answers at this pace.
    pub(super) const fn new(stream: TcpStream, connection: Arc<Connection>, pace: Pace) -> Self {
        Self { stream, connection, pace, patience: None }
    }

    /// The result of a write: bytes that moved, an error, or a further wait if the pace allows it.
    fn wrote(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Ready(Ok(bytes)) => {
                let now = Instant::now();
                self.pace.moved(bytes, now);
                self.connection.moved(now);
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let end = self.pace.wait(Instant::now());
                let patience = self.patience.get_or_insert_with(|| Box::pin(sleep_until(end)));
                if patience.deadline() != end {
                    patience.as_mut().reset(end);
                }
                ready!(patience.as_mut().poll(cx));
                // The system then drops what it still holds for a peer that doesn't take it.
                if let Err(error) = self.stream.set_zero_linger() {
                    tracing::debug!(%error, "SO_LINGER could not be set");
                }
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.connection.moved(Instant::now());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.wrote(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

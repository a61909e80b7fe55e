//! A connection's socket, with a bound on what its client may leave unread.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use rustix::net::sockopt;
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::HttpLimits;
use super::connection::Activity;
use super::refusal::Refusals;

/// A client that is silent for so long is asked by the kernel whether it is still there, again and again, and is gone when
/// it has not answered so often: after two minutes. Nothing else would notice one that vanished while it waits.
const SILENT: Duration = Duration::from_mins(1);
const ASKED_EVERY: Duration = Duration::from_secs(15);
const ASKED: u32 = 4;

/// Small answers leave at once, and the kernel notices when the client vanishes.
pub(super) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_tcp_keepidle(stream, SILENT)?;
    sockopt::set_tcp_keepintvl(stream, ASKED_EVERY)?;
    sockopt::set_tcp_keepcnt(stream, ASKED)?;
    Ok(sockopt::set_socket_keepalive(stream, true)?)
}

/// A socket that fails when its client reads nothing for a time while there is something to read, or takes too long for the head
/// of a request. While a client does not read, no more requests are taken from it: their answers would have to be kept, too.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TokioIo<TcpStream>,
    activity: Arc<Activity>,
    stall: Duration,
    head: Duration,
    refusals: Refusals,
    /// Ends when the client has had its time; only while it keeps us from writing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Whether there was an attempt to read meanwhile.
    read_waits: bool,
    /// The head that is arriving.
    arriving: Option<Head>,
    /// The answer that is written instead of the library's, as far as it is not written yet.
    refusal: Option<Bytes>,
}

/// A head of which a part is there.
#[derive(Debug)]
struct Head {
    deadline: Pin<Box<Sleep>>,
    /// How many requests had begun before.
    before: usize,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>, limits: &HttpLimits) -> Self {
        Self {
            stream: TokioIo::new(stream),
            activity,
            stall: limits.stall,
            head: limits.head,
            refusals: limits.refusals.clone(),
            stalled: None,
            read_waits: false,
            arriving: None,
            refusal: None,
        }
    }

    /// The outcome of an attempt to write.
    fn written<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stalled = None;
            if std::mem::take(&mut self.read_waits) {
                cx.waker().wake_by_ref();
            }
            return result;
        }
        let limit = self.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if stalled.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.reset();
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answer")))
    }

    /// Forgets what the kernel holds for the client. Where this fails, it is forgotten later.
    fn reset(&self) {
        let _ = self.stream.inner().set_zero_linger();
    }

    /// Begins the time of a head with its first bytes.
    fn received(&mut self) {
        let requests = self.activity.requests();
        if self.activity.is_answering() || self.arriving.as_ref().is_some_and(|head| head.before < requests) {
            self.arriving = None;
        }
        if self.arriving.is_none() && !self.activity.is_answering() {
            let deadline = Box::pin(tokio::time::sleep(self.head));
            self.arriving = Some(Head { deadline, before: requests });
        }
    }

    /// Whether the client has taken too long for a head.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.arriving {
            Some(head) if head.before < self.activity.requests() => self.arriving = None,
            Some(head) => return head.deadline.as_mut().poll(cx),
            None => {}
        }
        Poll::Pending
    }

    /// Writes our answer instead of the library's, of which this is the whole. `None` where it is something else.
    fn poll_refuse(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Option<Poll<io::Result<usize>>> {
        if self.refusal.is_none() {
            self.refusal = Some(self.refusals.instead_of(bytes)?.into());
        }
        while let Some(rest) = self.refusal.as_mut().filter(|rest| !rest.is_empty()) {
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(written)) => *rest = rest.slice(written..),
                other => return Some(other),
            }
        }
        self.refusal = None;
        Some(Poll::Ready(Ok(bytes.len())))
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.stalled.is_some() {
            self.read_waits = true;
            return Poll::Pending;
        }
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        match &result {
            Poll::Ready(Ok(())) => self.received(),
            Poll::Pending if self.poll_late(cx).is_ready() => {
                let error =
                    io::Error::new(io::ErrorKind::TimedOut, "the client does not finish its request's head");
                return Poll::Ready(Err(error));
            }
            Poll::Ready(Err(_)) | Poll::Pending => {}
        }
        result
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = match self.poll_refuse(cx, bytes) {
            Some(refused) => refused,
            None => Pin::new(&mut self.stream).poll_write(cx, bytes),
        };
        self.written(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let refused = match slices {
            [only] => self.poll_refuse(cx, only),
            _ => None,
        };
        let result = match refused {
            Some(refused) => refused,
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, slices),
        };
        self.written(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Of a TCP stream there is nothing to flush.
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;

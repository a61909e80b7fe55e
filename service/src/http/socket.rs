//! The socket of a connection, which times out if the client does not send or read.

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
use super::activity::Activity;
use super::refusal::Refusals;

/// TCP keepalive: idle time, interval and number of probes. They detect a client that vanished while it
/// waits, within two minutes.
const KEEPALIVE_IDLE: Duration = Duration::from_mins(1);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 4;

/// Sets the options of a socket: small answers are sent at once, and the kernel detects clients that
/// vanished.
pub(super) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES)?;
    Ok(sockopt::set_socket_keepalive(stream, true)?)
}

/// A socket that fails if its client reads nothing of a response for a time, or takes too long to send the
/// head of a request. While a client does not read, no more requests are taken from it, because their responses
/// would need memory as well.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TokioIo<TcpStream>,
    activity: Arc<Activity>,
    stall: Duration,
    head: Duration,
    refusals: Refusals,
    /// Timer of the client, while it does not read.
    stalled: Option<Pin<Box<Sleep>>>,
    /// True if a read is waiting until the client reads again.
    read_waits: bool,
    /// The head that is being received.
    arriving: Option<Head>,
    /// The rest of the response that is written instead of the library's.
    refusal: Option<Bytes>,
}

/// A head that has been received in part.
#[derive(Debug)]
struct Head {
    deadline: Pin<Box<Sleep>>,
    /// Number of requests before it.
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

    /// Starts or stops the timer of the client after an attempt to write.
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
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client did not read its answer")))
    }

    /// Discards the kernel's buffers of the client. If this fails, the kernel does so later.
    fn reset(&self) {
        let _ = self.stream.inner().set_zero_linger();
    }

    /// Starts the timer of a head with its first bytes.
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

    /// Polls whether the client has taken too long to send a head.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.arriving {
            Some(head) if head.before < self.activity.requests() => self.arriving = None,
            Some(head) => return head.deadline.as_mut().poll(cx),
            None => {}
        }
        Poll::Pending
    }

    /// Writes our answer if the bytes are a refusal of the library; returns `None` otherwise.
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
                let error = io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the client did not finish the head of its request",
                );
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
        // A TCP stream has nothing to flush.
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;

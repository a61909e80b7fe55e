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
            Poll::Ready(Err(_)) => {}
            Poll::Pending if self.poll_late(cx).is_ready() => {
                let error =
                    io::Error::new(io::ErrorKind::TimedOut, "the client does not finish its request's head");
                return Poll::Ready(Err(error));
            }
            Poll::Pending => {}
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
mod tests {
    use std::future::poll_fn;
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::body::Bytes;
    use axum::routing::get;
    use eventpipeline_testkit::eventually;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::http::{HttpLimits, serve_http};

    /// More than kernels keep for a connection.
    const LARGE: usize = 24 * 1024 * 1024;
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

    /// Counts the answers that nobody holds any more.
    type Forgotten = Arc<AtomicUsize>;

    struct Answer(Vec<u8>, Forgotten);

    impl AsRef<[u8]> for Answer {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    impl Drop for Answer {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn large(forgotten: &Forgotten) -> Router {
        let forgotten = Arc::clone(forgotten);
        Router::new().route("/", get(async move || Bytes::from_owner(Answer(vec![b'x'; LARGE], forgotten))))
    }

    async fn start(stall: Duration, router: Router) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = HttpLimits { stall, ..HttpLimits::default() };
        tokio::spawn(serve_http(listener, router, limits, std::future::pending()));
        address
    }

    async fn ask(address: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        stream
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_cut_off_and_its_answer_forgotten() {
        let forgotten = Forgotten::default();
        let mut stream = ask(start(Duration::from_millis(50), large(&forgotten)).await).await;
        eventually(async || (forgotten.load(Ordering::Relaxed) == 1).then_some(())).await;
        let mut read = Vec::new();
        assert!(stream.read_to_end(&mut read).await.is_err(), "and the connection is gone");
        assert!(read.len() < LARGE);
    }

    #[tokio::test]
    async fn a_client_that_reads_slowly_gets_all() {
        let (stall, answers) = (Duration::from_secs(8), large(&Forgotten::default()));
        let mut stream = ask(start(stall, answers).await).await;
        let (mut read, mut part) = (0, vec![0; 1024 * 1024]);
        let begun = std::time::Instant::now();
        while read < LARGE {
            match stream.read_exact(&mut part).await {
                Ok(length) => read += length,
                Err(error) => panic!("{error} after {read} bytes and {:?}", begun.elapsed()),
            }
            // How slow it is: so much sooner than a stall is over that a busy machine may be late.
            tokio::time::sleep(stall / 20).await;
        }
        assert!(begun.elapsed() > stall, "longer than a stall may last");
    }

    #[tokio::test]
    async fn a_client_that_waits_for_its_answer_is_left_alone() {
        let stall = Duration::from_millis(10);
        let late = async move || {
            tokio::time::sleep(stall * 10).await;
            "late"
        };
        let mut stream = ask(start(stall, Router::new().route("/", get(late))).await).await;
        let mut answer = vec![0; 1024];
        let length = stream.read(&mut answer).await.unwrap();
        assert!(answer[..length].ends_with(b"late"));
    }

    #[tokio::test]
    async fn nothing_is_taken_from_a_client_that_does_not_read() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let stream = listener.accept().await.unwrap().0;
        let mut socket = Socket::new(stream, Arc::default(), &HttpLimits::default());
        client.write_all(REQUEST).await.unwrap();
        socket.stream.inner().readable().await.unwrap();
        let (mut written, large) = (0, vec![b'x'; 1024 * 1024]);
        poll_fn(|cx| {
            while let Poll::Ready(length) = Pin::new(&mut socket).poll_write(cx, &large) {
                written += length.unwrap();
            }
            let mut space = [0; 64];
            let mut buffer = hyper::rt::ReadBuf::new(&mut space);
            assert!(Pin::new(&mut socket).poll_read(cx, buffer.unfilled()).is_pending());
            Poll::Ready(())
        })
        .await;
        let reading = tokio::spawn(async move {
            client.read_exact(&mut vec![0; written]).await.unwrap();
            client
        });
        let mut space = [0; 64];
        let mut buffer = hyper::rt::ReadBuf::new(&mut space);
        poll_fn(|cx| {
            // As hyper does: what is to be written is tried whenever the task is woken.
            let reads = Pin::new(&mut socket).poll_read(cx, buffer.unfilled());
            if reads.is_pending() {
                let _ = Pin::new(&mut socket).poll_write(cx, b"x");
            }
            reads
        })
        .await
        .unwrap();
        assert_eq!(buffer.filled(), REQUEST);
        reading.await.unwrap();
    }

    #[tokio::test]
    async fn the_kernel_asks_silent_clients_whether_they_are_there() {
        let waits = Router::new().route("/", get(std::future::pending::<()>));
        let address = start(Duration::from_secs(1), waits).await;
        let client = ask(address).await;
        let hex = |address: SocketAddr| format!("0100007F:{:04X}", address.port());
        let ends = format!(" {} {} ", hex(address), hex(client.local_addr().unwrap()));
        // Timer 2 is that of the keepalive; its time is in hundredths of a second.
        eventually(async || {
            let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
            let connection = connections.lines().find(|line| line.contains(&ends))?.to_owned();
            let timer = connection.split_whitespace().nth(5)?.strip_prefix("02:")?.to_owned();
            (u64::from_str_radix(&timer, 16).unwrap() <= 6000).then_some(())
        })
        .await;
    }
}

//! One connection: reads frames, hands them to the service, sends the responses in the order of the requests.
//!
//! Pipelined requests are worked on together: all complete frames of the buffer are offered to the service, which takes
//! as many as belong together, and those that need time wait side by side. Back-pressure: while too many requests or
//! bytes wait to be answered, no request is taken up, so a client that never reads costs one socket buffer, 64 KiB and one
//! response. Fairness: after a millisecond of work for one connection the others have their turn. A request that ends the
//! connection ends it in its turn: what was asked before is answered, what came after is not looked at.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::BufMut;
use tokio::net::TcpStream;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, watch};

use super::complaint::Complaint;
use super::frames::Frames;
use super::outbox::Outbox;
use super::registry::Registration;
use super::response::{Later, Outcome, Response};

/// Requests of one connection that may wait for their answers.
const UNANSWERED_MAX: usize = 128;
/// Response bytes of one connection that may wait to be sent before requests are no longer read.
const UNSENT_BYTES_MAX: usize = 1024 * 1024;
/// The same for those that take memory here, and are not regions of files.
const UNSENT_MEMORY_BYTES_MAX: usize = 64 * 1024;
/// How long requests of one connection are worked on before the worker looks at others.
const WORK_MAX: Duration = Duration::from_millis(1);
/// Frames that go to the service at once.
const FRAMES_AT_ONCE: usize = 64;

/// What a listener asks of its connections.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionSettings {
    /// `socket.request.max.bytes`.
    pub(crate) request_bytes_max: usize,
    /// `queued.max.request.bytes`, shared by all connections of the node; `None` is no limit.
    pub(crate) queued_bytes: Option<Arc<Semaphore>>,
    /// `socket.receive.buffer.bytes`; `None` leaves it to the kernel.
    pub(crate) receive_buffer_bytes: Option<u32>,
    /// `socket.send.buffer.bytes`; `None` leaves it to the kernel.
    pub(crate) send_buffer_bytes: Option<u32>,
}

/// Who is at the other end.
#[derive(Debug)]
pub(crate) struct ConnectionInfo {
    /// The peer's address.
    pub(crate) peer: SocketAddr,
    /// The listener's name, as in `listeners`.
    pub(crate) listener: Arc<str>,
    /// Whether it is one of `controller.listener.names`.
    pub(crate) is_controller: bool,
    /// What the client calls itself in ApiVersions (KIP-511), such as `apache-kafka-java`.
    pub(crate) client_software: OnceLock<Box<str>>,
}

/// What answers the requests of a listener.
pub(crate) trait Service: Send + Sync + 'static {
    /// An answer to a request of the API of this number had its turn to be sent, after it was ready for so long.
    fn left(&self, api: usize, waited: Duration);

    /// Works on the first of `frames`, ranges of `bytes`, and on those after it that are better worked on with it; gives how
    /// many these are. Pushes one outcome for each, in their order; nothing after a [`Outcome::Close`].
    /// `received` is when bytes came last.
    fn handle(
        self: &Arc<Self>,
        connection: &Arc<ConnectionInfo>,
        bytes: &mut [u8],
        frames: &[Range<usize>],
        received: Instant,
        outcomes: &mut Vec<Outcome>,
    ) -> usize;
}

/// A request that was read and not yet put into the outbox.
enum Pending {
    Ready(Response),
    /// With the bytes of `queued.max.request.bytes` that a request which is worked on all the while keeps.
    Later(Later, Reserved),
    /// The connection ends here, for this reason.
    Close(String),
}

/// The bytes of a request that is still coming, taken from `queued.max.request.bytes`.
enum Reserved {
    Nothing,
    Waiting(Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>),
    Held { _bytes: OwnedSemaphorePermit },
}

struct Connection<S> {
    stream: TcpStream,
    info: Arc<ConnectionInfo>,
    service: Arc<S>,
    frames: Frames,
    /// When bytes came last.
    received: Instant,
    pending: VecDeque<Pending>,
    /// Memory of the responses in `pending`, and of the requests that wait for theirs.
    pending_bytes: usize,
    outbox: Outbox,
    peer_finished: bool,
    /// A request that ends the connection was found: no more are taken up.
    closing: bool,
    queued_bytes: Option<Arc<Semaphore>>,
    reserved: Reserved,
}

/// Serves a connection until one side ends it.
pub(crate) async fn run<S: Service>(
    stream: TcpStream,
    info: Arc<ConnectionInfo>,
    service: Arc<S>,
    settings: &ConnectionSettings,
    registration: Registration,
    mut stopping: watch::Receiver<bool>,
) {
    let frames = Frames::new(settings.request_bytes_max);
    let liveness = registration.liveness.clone();
    let mut connection = Connection {
        stream,
        info,
        service,
        frames,
        received: Instant::now(),
        pending: VecDeque::new(),
        pending_bytes: 0,
        outbox: Outbox::default(),
        peer_finished: false,
        closing: false,
        queued_bytes: settings.queued_bytes.clone(),
        reserved: Reserved::Nothing,
    };
    let ended = loop {
        tokio::select! {
            ended = connection.converse(&registration) => break ended,
            () = liveness.stirred.notified() => {
                if liveness.is_expired() {
                    let reason = "it was idle for longer than connections.max.idle.ms";
                    break Err(End::Gone(reason.to_owned()));
                }
                if connection.frames.has_spare() {
                    connection.frames.exchange();
                }
            }
            _ = stopping.wait_for(|stop| *stop) => break Ok(()),
        }
    };
    let (peer, listener) = (connection.info.peer, &connection.info.listener);
    match ended {
        Ok(()) => {}
        Err(End::Gone(reason)) => tracing::debug!(%peer, %listener, %reason, "connection closed"),
        Err(End::Refused(reason)) => match REFUSED.due(Instant::now()) {
            Some(more) => {
                tracing::warn!(%peer, %listener, %reason, more_unsaid = more, "closed a connection that went wrong");
            }
            None => tracing::debug!(%peer, %listener, %reason, "closed a connection that went wrong"),
        },
    }
}

/// Clients that made no sense.
static REFUSED: Complaint = Complaint::new();

/// Why a connection ended.
enum End {
    /// The other side or the network ended it, or nobody used it.
    Gone(String),
    /// What came on it could not be answered.
    Refused(String),
}

impl<S: Service> Connection<S> {
    /// Serves the connection until it ends. May be stopped while it waits and called again.
    async fn converse(&mut self, registration: &Registration) -> Result<(), End> {
        let mut ranges = Vec::new();
        let mut outcomes = Vec::new();
        loop {
            self.dispatch(&mut ranges, &mut outcomes);
            if self.has_room() && self.frames.holds_frame() {
                tokio::task::yield_now().await;
            }
            let progress = poll_fn(|cx| self.poll_progress(cx, registration)).await?;
            registration.liveness.touch();
            if progress == Progress::Finished {
                return Ok(());
            }
        }
    }

    /// Whether one more request may be taken up.
    fn has_room(&self) -> bool {
        !self.closing
            && self.pending.len() < UNANSWERED_MAX
            && self.outbox.bytes() < UNSENT_BYTES_MAX
            && self.outbox.memory_bytes() + self.pending_bytes < UNSENT_MEMORY_BYTES_MAX
    }

    /// Hands the complete frames of the buffer to the service while there is room and it is this connection's turn.
    fn dispatch(&mut self, ranges: &mut Vec<Range<usize>>, outcomes: &mut Vec<Outcome>) {
        if !self.has_room() || !self.frames.holds_frame() {
            return;
        }
        let began = Instant::now();
        while self.has_room() && self.frames.holds_frame() && began.elapsed() < WORK_MAX {
            ranges.clear();
            let count = (UNANSWERED_MAX - self.pending.len()).min(FRAMES_AT_ONCE);
            if let Err(e) = self.frames.complete(count, ranges) {
                self.accept(Outcome::Close(e.to_string()));
                return;
            }
            let taken =
                self.service.handle(&self.info, self.frames.bytes_mut(), ranges, self.received, outcomes);
            if let Some(left) = ranges.get(taken) {
                self.frames.put_back(left);
            }
            for outcome in outcomes.drain(..) {
                self.accept(outcome);
            }
            self.reserved = Reserved::Nothing;
        }
    }

    fn accept(&mut self, outcome: Outcome) {
        if self.closing {
            return;
        }
        match outcome {
            Outcome::Reply(response) if self.pending.is_empty() => self.send(response, None),
            Outcome::Reply(response) => {
                self.pending_bytes += response.memory_bytes();
                self.pending.push_back(Pending::Ready(response));
            }
            Outcome::Later(later) => {
                let reserved = match later.is_busy {
                    true => std::mem::replace(&mut self.reserved, Reserved::Nothing),
                    false => Reserved::Nothing,
                };
                self.pending_bytes += later.held_bytes;
                self.pending.push_back(Pending::Later(later, reserved));
            }
            Outcome::Silence => {}
            Outcome::Close(reason) => {
                self.closing = true;
                self.pending.push_back(Pending::Close(reason));
            }
        }
    }

    /// A response has its turn, now or at the moment when it became ready.
    fn send(&mut self, response: Response, now: Option<Instant>) {
        if let Some((api, ready)) = response.counted {
            let waited = now.map_or(Duration::ZERO, |now| now.saturating_duration_since(ready));
            self.service.left(api, waited);
        }
        self.outbox.push(response);
    }

    /// Moves what can be moved: waiting answers, the outbox, the receive buffer. Ready when the caller has to look again.
    fn poll_progress(
        &mut self,
        cx: &mut Context<'_>,
        registration: &Registration,
    ) -> Poll<Result<Progress, End>> {
        self.poll_pending(cx);
        let unsent = self.outbox.bytes();
        let drained = match self.outbox.poll_send(&self.stream, cx) {
            Poll::Ready(sent) => {
                sent.map(|()| true).map_err(|e| End::Gone(format!("sending failed: {e}")))?
            }
            Poll::Pending => false,
        };
        if self.outbox.bytes() < unsent {
            registration.liveness.touch(); // one long answer to a slow reader is no idleness
        }
        if drained && let Some(Pending::Close(reason)) = self.pending.front_mut() {
            return Poll::Ready(Err(End::Refused(std::mem::take(reason))));
        }
        if !self.has_room() {
            return Poll::Pending; // woken when the socket takes bytes or an awaited answer is there
        }
        if self.frames.holds_frame() {
            return Poll::Ready(Ok(Progress::More));
        }
        if self.peer_finished {
            // Nobody is there to be answered later: a long poll of a client that is gone must not keep its place.
            return if drained { Poll::Ready(Ok(Progress::Finished)) } else { Poll::Pending };
        }
        if self.poll_reserve(cx).is_pending() {
            return Poll::Pending;
        }
        self.poll_read(cx, registration)
    }

    /// Takes the bytes of the request that has begun to come from what all connections share, or waits for them, reading
    /// nothing meanwhile. A connection holds one reservation at most, none larger than the whole, so each gets its turn,
    /// in the order in which they began to wait.
    fn poll_reserve(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(shared) = &self.queued_bytes else { return Poll::Ready(()) };
        if matches!(self.reserved, Reserved::Nothing)
            && let Ok(Some(bytes)) = self.frames.announced()
            && let Ok(bytes) = u32::try_from(bytes)
        {
            self.reserved = Reserved::Waiting(Box::pin(shared.clone().acquire_many_owned(bytes)));
        }
        if let Reserved::Waiting(waiting) = &mut self.reserved {
            // The semaphore is never closed.
            if let Ok(bytes) = ready!(waiting.as_mut().poll(cx)) {
                self.reserved = Reserved::Held { _bytes: bytes };
            }
        }
        Poll::Ready(())
    }

    fn poll_pending(&mut self, cx: &mut Context<'_>) {
        let mut at = 0;
        while at < self.pending.len() {
            if let Pending::Later(later, reserved) = &mut self.pending[at]
                && let Poll::Ready(outcome) = Pin::new(&mut *later).poll(cx)
            {
                match outcome {
                    Outcome::Reply(response) => {
                        self.pending_bytes += response.memory_bytes();
                        self.pending_bytes -= later.held_bytes;
                        self.pending[at] = Pending::Ready(response);
                    }
                    Outcome::Later(next) => {
                        let held_bytes = later.held_bytes;
                        let reserved = std::mem::replace(reserved, Reserved::Nothing);
                        self.pending[at] = Pending::Later(next.holding(held_bytes), reserved);
                        continue;
                    }
                    Outcome::Silence => {
                        self.pending_bytes -= later.held_bytes;
                        self.pending.remove(at);
                        continue;
                    }
                    Outcome::Close(reason) => {
                        self.closing = true;
                        self.pending.truncate(at);
                        self.pending.push_back(Pending::Close(reason));
                    }
                }
            }
            at += 1;
        }
        if matches!(self.pending.front(), Some(Pending::Ready(_))) {
            let now = Instant::now();
            while matches!(self.pending.front(), Some(Pending::Ready(_))) {
                if let Some(Pending::Ready(response)) = self.pending.pop_front() {
                    self.pending_bytes -= response.memory_bytes();
                    self.send(response, Some(now));
                }
            }
        }
        if self.pending.is_empty() && self.pending.capacity() > 16 {
            self.pending = VecDeque::new();
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        registration: &Registration,
    ) -> Poll<Result<Progress, End>> {
        let failed = |e: io::Error| End::Gone(format!("receiving failed: {e}"));
        loop {
            let ready = self.stream.poll_read_ready(cx).map_err(failed)?;
            if ready.is_pending() {
                self.frames.release();
                registration.liveness.waits(self.frames.has_spare());
                return Poll::Pending;
            }
            let (buffer, limit) = self.frames.make_room().map_err(|e| End::Refused(e.to_string()))?;
            match self.stream.try_read_buf(&mut buffer.limit(limit)) {
                Ok(n) => {
                    self.received = Instant::now();
                    self.peer_finished = n == 0;
                    return Poll::Ready(Ok(Progress::More));
                }
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(e) => return Poll::Ready(Err(failed(e))),
            }
        }
    }
}

/// What came of waiting.
#[derive(PartialEq, Eq)]
enum Progress {
    /// Bytes came, or there is room again.
    More,
    /// The peer is done and has all answers.
    Finished,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::super::limits::ConnectionLimits;
    use super::super::registry::ConnectionRegistry;
    use super::*;

    /// Answers when it is let, and keeps the whole request until then.
    struct Slow {
        taken: AtomicUsize,
        let_go: Arc<Semaphore>,
    }

    impl Service for Slow {
        fn left(&self, _api: usize, _waited: Duration) {}

        fn handle(
            self: &Arc<Self>,
            _connection: &Arc<ConnectionInfo>,
            bytes: &mut [u8],
            frames: &[Range<usize>],
            _received: Instant,
            outcomes: &mut Vec<Outcome>,
        ) -> usize {
            let first = bytes[frames[0].start];
            let let_go = self.let_go.clone();
            let answer = async move {
                let_go.acquire().await.expect("open").forget();
                Outcome::Reply(Response::bytes(vec![first]))
            };
            self.taken.fetch_add(1, Ordering::Relaxed);
            outcomes.push(Outcome::Later(Later::new(answer).holding(frames[0].len())));
            1
        }
    }

    struct Conversation {
        client: TcpStream,
        service: Arc<Slow>,
        registry: Arc<ConnectionRegistry>,
        _stop: watch::Sender<bool>,
    }

    async fn converse() -> Conversation {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let client = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("connected");
        let (stream, peer) = listener.accept().await.expect("accepted");
        let registry = ConnectionRegistry::new(ConnectionLimits::default());
        let registration = registry.place(peer.ip(), &"PLAINTEXT".into()).await.expect("a place");
        let info = ConnectionInfo {
            peer,
            listener: "PLAINTEXT".into(),
            is_controller: false,
            client_software: Default::default(),
        };
        let service = Arc::new(Slow { taken: AtomicUsize::new(0), let_go: Arc::new(Semaphore::new(0)) });
        let (stop, stopping) = watch::channel(false);
        let serving = service.clone();
        tokio::spawn(async move {
            let settings = ConnectionSettings {
                request_bytes_max: 1 << 20,
                queued_bytes: None,
                receive_buffer_bytes: None,
                send_buffer_bytes: None,
            };
            run(stream, Arc::new(info), serving, &settings, registration, stopping).await;
        });
        Conversation { client, service, registry, _stop: stop }
    }

    fn frame(number: u8, len: usize) -> Vec<u8> {
        [&(len as i32).to_be_bytes()[..], &vec![number; len]].concat()
    }

    #[tokio::test]
    async fn requests_that_wait_with_all_their_bytes_counted_for_nothing() {
        let Conversation { mut client, service, registry: _registry, _stop } = converse().await;
        for number in 0..20 {
            client.write_all(&frame(number, 40 * 1024)).await.expect("written");
        }
        let mut answers = Vec::new();
        for number in 0..20 {
            tokio::time::sleep(Duration::from_millis(2)).await;
            let waiting = service.taken.load(Ordering::Relaxed) - number;
            assert!(waiting <= 2, "{waiting} requests of 40 KiB wait");
            service.let_go.add_permits(1);
            answers.push(client.read_u8().await.expect("an answer"));
        }
        assert_eq!(answers, (0..20).collect::<Vec<u8>>());
    }

    #[tokio::test]
    async fn a_request_goes_on_after_its_buffer_was_given_back() {
        let Conversation { mut client, service, registry, _stop } = converse().await;
        service.let_go.add_permits(1);
        let whole = frame(7, 40 * 1024);
        client.write_all(&whole[..10_000]).await.expect("written");
        tokio::time::sleep(Duration::from_millis(1100)).await;
        registry.look_at_idle(Duration::MAX);
        tokio::time::sleep(Duration::from_millis(10)).await;
        client.write_all(&whole[10_000..]).await.expect("written");
        assert_eq!(client.read_u8().await.expect("an answer"), 7);
    }
}

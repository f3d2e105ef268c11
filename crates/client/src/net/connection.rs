//! One connection: requests are written in the order of the calls and may be many before the first answer.
//!
//! Always: a request gets exactly one result, its answer or the error that ended the connection. Two tasks serve a connection:
//! one writes whatever has been gathered since the last write, one reads and hands out answers. Both end with the connection.
//! A request that is never answered has its result when the system has taken it.

use std::collections::VecDeque;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use moldau_protocol::{ApiKey, Message, Request, messages as m};
use moldau_types::ErrorCode;
use parking_lot::{Mutex, MutexGuard};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, timeout};

use super::frame;
use super::metrics::ConnectionMetrics;
use super::versions::Versions;
use crate::config::CommonConfig;
use crate::error::{ClientError, Result};

/// How much room the gathering buffer keeps between writes.
const WRITE_BUFFER_KEPT: usize = 256 * 1024;

/// A connection to one broker; clones share it, and it ends with the last of them.
#[derive(Clone)]
pub(crate) struct Connection {
    shared: Arc<Owner>,
    versions: Arc<Versions>,
}

/// What the clones share. The two tasks hold only what is inside, so they do not keep the connection.
struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.finish();
    }
}

impl std::ops::Deref for Owner {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

struct Shared {
    address: String,
    client_id: String,
    request_timeout: Duration,
    metrics: Arc<ConnectionMetrics>,
    state: Mutex<State>,
    /// Wakes the writer, and both tasks when the connection is closed.
    wake_writer: Notify,
    wake_reader: Notify,
    phase: watch::Sender<Phase>,
}

/// How far a connection's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Open,
    /// What is gathered is still written.
    Finishing,
    /// Nothing more is written.
    GivenUp,
    /// The writer has ended.
    Ended,
}

struct State {
    outgoing: Vec<u8>,
    /// Who waits for `outgoing` to be written.
    unanswered: Vec<oneshot::Sender<()>>,
    /// The writer is at work.
    writing: bool,
    /// When something was read or written last.
    used: Instant,
    waiting: VecDeque<(i32, oneshot::Sender<Result<Bytes>>)>,
    next_correlation_id: i32,
    closed: Option<ClientError>,
}

impl Shared {
    /// Gives the connection up: what is not written yet is dropped.
    fn close(&self, error: ClientError) {
        let mut state = self.state.lock();
        state.outgoing = Vec::new();
        state.unanswered.clear();
        self.end(state, Phase::GivenUp, error);
    }

    /// Ends the connection once everything is written.
    fn finish(&self) {
        self.end(self.state.lock(), Phase::Finishing, self.disconnected(None));
    }

    /// Ends the connection if it was not used for `idle`; else how long it may rest before it is to be looked at again.
    fn finish_if_idle(&self, idle: Duration) -> Option<Duration> {
        let state = self.state.lock();
        if state.writing || !state.outgoing.is_empty() || !state.waiting.is_empty() {
            return Some(idle);
        }
        let rest = idle.saturating_sub(state.used.elapsed());
        if rest.is_zero() {
            self.end(state, Phase::Finishing, self.disconnected(None));
        }
        Some(rest).filter(|rest| !rest.is_zero())
    }

    fn end(&self, mut state: MutexGuard<'_, State>, phase: Phase, error: ClientError) {
        if state.closed.is_none() {
            state.closed = Some(error.clone());
            self.metrics.closed();
        }
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        for (_, sender) in waiting {
            let _ = sender.send(Err(error.clone()));
        }
        self.enter(phase);
        self.wake_writer.notify_one();
        self.wake_reader.notify_one();
    }

    fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let later = *now < phase;
            *now = phase.max(*now);
            later
        });
    }

    /// Returns when a write must end: the connection was given up, or is to end and had its time for that.
    async fn write_is_overdue(&self) {
        let mut phase = self.phase.subscribe();
        let _ = phase.wait_for(|phase| *phase >= Phase::Finishing).await;
        let _ = timeout(self.request_timeout, phase.wait_for(|phase| *phase >= Phase::GivenUp)).await;
    }

    fn disconnected(&self, error: Option<io::Error>) -> ClientError {
        ClientError::Disconnected { address: self.address.clone(), error: error.map(Arc::new) }
    }
}

/// A request that was written and whose answer is awaited.
pub(crate) struct InFlight<R> {
    connection: Connection,
    api: ApiKey,
    version: i16,
    answer: oneshot::Receiver<Result<Bytes>>,
    allowed: Duration,
    response: PhantomData<fn() -> R>,
}

impl<R: Message> InFlight<R> {
    /// The answer. When it does not come in time the whole connection is given up, as its later answers would be late as well.
    pub(crate) async fn answer(self) -> Result<R> {
        let shared = &self.connection.shared;
        let frame = match timeout(self.allowed, self.answer).await {
            Ok(Ok(result)) => result?,
            Ok(Err(_)) => return Err(shared.disconnected(None)),
            Err(_) => {
                let error = ClientError::TimedOut {
                    what: format!("the answer of {} to {}", shared.address, self.api.name()),
                    after: self.allowed,
                    setting: "request.timeout.ms",
                };
                shared.close(error.clone());
                return Err(error);
            }
        };
        frame::read_response(&frame, self.api, self.version).map_err(|why| {
            let error = ClientError::Malformed {
                address: shared.address.clone(),
                what: format!("a {} answer of version {}", self.api.name(), self.version),
                why,
            };
            shared.close(error.clone());
            error
        })
    }
}

/// A request that is never answered.
pub(crate) struct Unanswered {
    connection: Connection,
    written: oneshot::Receiver<()>,
}

impl Unanswered {
    /// Waits until it is written. When that takes too long the whole connection is given up.
    pub(crate) async fn written(self) -> Result<()> {
        let shared = &self.connection.shared;
        match timeout(shared.request_timeout, self.written).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => {
                Err(shared.state.lock().closed.clone().unwrap_or_else(|| shared.disconnected(None)))
            }
            Err(_) => {
                let error = ClientError::TimedOut {
                    what: format!("writing a request to {}", shared.address),
                    after: shared.request_timeout,
                    setting: "request.timeout.ms",
                };
                shared.close(error.clone());
                Err(error)
            }
        }
    }
}

/// Who hears what became of a request.
enum Hears {
    Answer(oneshot::Sender<Result<Bytes>>),
    Written(oneshot::Sender<()>),
}

impl Connection {
    /// Connects to `address` (`host:port`) within `allowed` and agrees on versions.
    pub(crate) async fn open(
        address: &str,
        config: &CommonConfig,
        metrics: &Arc<ConnectionMetrics>,
        allowed: Duration,
    ) -> Result<Self> {
        let stream = connect(address, config, allowed)
            .await
            .map_err(|error| ClientError::Connect { address: address.to_owned(), error: Arc::new(error) })?;
        // Batches are gathered by us; waiting for more in the kernel only adds delay.
        let _ = stream.set_nodelay(true);
        let (reader, writer) = stream.into_split();
        let mut connection = Self::over(reader, writer, address, config, metrics);
        connection.versions = Arc::new(connection.agree_on_versions().await?);
        Ok(connection)
    }

    /// A connection over any pair of streams, before versions are agreed on.
    fn over<R, W>(
        reader: R,
        writer: W,
        address: &str,
        config: &CommonConfig,
        metrics: &Arc<ConnectionMetrics>,
    ) -> Self
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        metrics.opened();
        let shared = Arc::new(Shared {
            address: address.to_owned(),
            client_id: config.client_id.clone(),
            request_timeout: config.request_timeout,
            metrics: metrics.clone(),
            state: Mutex::new(State {
                outgoing: Vec::new(),
                unanswered: Vec::new(),
                writing: false,
                used: Instant::now(),
                waiting: VecDeque::new(),
                next_correlation_id: 0,
                closed: None,
            }),
            phase: watch::Sender::new(Phase::Open),
            wake_writer: Notify::new(),
            wake_reader: Notify::new(),
        });
        tokio::spawn(write_gathered(shared.clone(), writer));
        tokio::spawn(read_answers(shared.clone(), reader, config.connections_max_idle));
        Self { shared: Arc::new(Owner(shared)), versions: Arc::default() }
    }

    async fn agree_on_versions(&self) -> Result<Versions> {
        let request = m::ApiVersionsRequest {
            client_software_name: "moldau".to_owned(),
            client_software_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let newest = m::ApiVersionsRequest::MAX_VERSION;
        let in_flight = self.start_raw(ApiKey::ApiVersions, newest, &request)?;
        let frame =
            timeout(self.shared.request_timeout, in_flight).await.map_err(|_| ClientError::TimedOut {
                what: format!("the answer of {} to ApiVersions", self.shared.address),
                after: self.shared.request_timeout,
                setting: "request.timeout.ms",
            });
        let frame = frame?.map_err(|_| self.shared.disconnected(None))??;
        let malformed = |why| ClientError::Malformed {
            address: self.shared.address.clone(),
            what: "an ApiVersions answer".to_owned(),
            why,
        };
        // A broker that does not know the version answers in version 0 with the versions that it knows.
        let unsupported = frame.get(4..6) == Some(&ErrorCode::UnsupportedVersion.code().to_be_bytes()[..]);
        let mut response: m::ApiVersionsResponse =
            frame::read_response(&frame, ApiKey::ApiVersions, if unsupported { 0 } else { newest })
                .map_err(malformed)?;
        if unsupported {
            let version = Versions::new(&response).choose(ApiKey::ApiVersions.code(), 0, newest).unwrap_or(0);
            response = self.start(version, &request)?.answer().await?;
        }
        ClientError::check(response.error_code, || format!("ApiVersions of {}", self.shared.address), None)?;
        Ok(Versions::new(&response))
    }

    /// `host:port` of the peer.
    pub(crate) fn address(&self) -> &str {
        &self.shared.address
    }

    /// What the peer speaks.
    pub(crate) fn versions(&self) -> &Versions {
        &self.versions
    }

    /// Whether the connection has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.shared.state.lock().closed.is_some()
    }

    /// Ends the connection when all requests so far are written; those that wait for an answer fail at once.
    pub(crate) fn close(&self) {
        self.shared.finish();
    }

    /// Waits until a connection that was closed has written everything, or has given that up.
    pub(crate) async fn ended(&self) {
        let _ = self.shared.phase.subscribe().wait_for(|phase| *phase == Phase::Ended).await;
    }

    /// The newest version of a request that both sides speak.
    pub(crate) fn version_of<R: Request>(&self) -> Result<i16> {
        self.version_between::<R>(R::MIN_VERSION, R::MAX_VERSION)
    }

    /// The newest version of a request, in `lowest..=highest`, that both sides speak.
    pub(crate) fn version_between<R: Request>(&self, lowest: i16, highest: i16) -> Result<i16> {
        let api = R::KEY;
        self.versions.choose(api.code(), lowest, highest).ok_or_else(|| ClientError::Unsupported {
            address: self.shared.address.clone(),
            api,
            needed: format!("{lowest} to {highest}"),
            hint: match self.versions.range(api.code()) {
                Some((min, max)) => format!("it has {min} to {max}"),
                None => "it does not have this API at all".to_owned(),
            },
        })
    }

    /// Sends a request in the newest common version and awaits the answer.
    pub(crate) async fn request<R: Request>(&self, request: &R) -> Result<R::Response> {
        self.start(self.version_of::<R>()?, request)?.answer().await
    }

    /// Sends a request; the answer is awaited apart. Requests are written in the order of these calls.
    pub(crate) fn start<R: Request>(&self, version: i16, request: &R) -> Result<InFlight<R::Response>> {
        self.start_within(version, request, self.shared.request_timeout)
    }

    /// As [`Connection::start`], with another time for the answer (a JoinGroup may rest for as long as a rebalance takes).
    pub(crate) fn start_within<R: Request>(
        &self,
        version: i16,
        request: &R,
        allowed: Duration,
    ) -> Result<InFlight<R::Response>> {
        let answer = self.start_raw(R::KEY, version, request)?;
        Ok(InFlight {
            connection: self.clone(),
            api: R::KEY,
            version,
            answer,
            allowed,
            response: PhantomData,
        })
    }

    fn start_raw<M: Message>(
        &self,
        api: ApiKey,
        version: i16,
        request: &M,
    ) -> Result<oneshot::Receiver<Result<Bytes>>> {
        let (sender, receiver) = oneshot::channel();
        self.enqueue(api, version, request, Hears::Answer(sender))?;
        Ok(receiver)
    }

    /// Sends a request that is never answered (Produce with `acks=0`).
    pub(crate) fn send_unanswered<R: Request>(&self, version: i16, request: &R) -> Result<Unanswered> {
        let (sender, written) = oneshot::channel();
        self.enqueue(R::KEY, version, request, Hears::Written(sender))?;
        Ok(Unanswered { connection: self.clone(), written })
    }

    fn enqueue<M: Message>(&self, api: ApiKey, version: i16, request: &M, hears: Hears) -> Result<()> {
        {
            let mut state = self.shared.state.lock();
            if let Some(error) = &state.closed {
                return Err(error.clone());
            }
            let correlation_id = state.next_correlation_id;
            let before = state.outgoing.len();
            frame::write_request(
                &mut state.outgoing,
                api,
                version,
                correlation_id,
                &self.shared.client_id,
                request,
            )
            .map_err(|why| ClientError::Unencodable {
                what: format!("{} of version {version}", api.name()),
                why,
            })?;
            self.shared.metrics.requested(state.outgoing.len() - before);
            state.next_correlation_id = correlation_id.wrapping_add(1) & i32::MAX;
            match hears {
                Hears::Answer(sender) => state.waiting.push_back((correlation_id, sender)),
                Hears::Written(sender) => state.unanswered.push(sender),
            }
        }
        self.shared.wake_writer.notify_one();
        Ok(())
    }
}

/// Connects to the first address of a name that takes it.
async fn connect(address: &str, config: &CommonConfig, allowed: Duration) -> io::Result<TcpStream> {
    let size = |bytes: i32| u32::try_from(bytes).ok().filter(|bytes| *bytes > 0);
    let (send, receive) = (size(config.send_buffer), size(config.receive_buffer));
    let began = Instant::now();
    let found = timeout(allowed, tokio::net::lookup_host(address)).await?;
    // Of this kind are errors of the look-up alone.
    let addresses: Vec<_> = found.map_err(|error| io::Error::new(io::ErrorKind::NotFound, error))?.collect();
    let rest = allowed.saturating_sub(began.elapsed());
    first_that_connects(&addresses, rest, move |found: SocketAddr| async move {
        let socket = if found.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // Before connecting, since the window that is offered depends on it.
        send.map_or(Ok(()), |bytes| socket.set_send_buffer_size(bytes))?;
        receive.map_or(Ok(()), |bytes| socket.set_recv_buffer_size(bytes))?;
        socket.connect(found).await
    })
    .await
}

/// Tries addresses one after the other. Each has an equal share of the time that is left, so that one that does not answer
/// leaves time for the others.
async fn first_that_connects<T, C: Future<Output = io::Result<T>>>(
    addresses: &[SocketAddr],
    allowed: Duration,
    connect: impl Fn(SocketAddr) -> C,
) -> io::Result<T> {
    let began = Instant::now();
    let mut last_error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (address, left) in addresses.iter().zip((1..=addresses.len() as u32).rev()) {
        let share = allowed.saturating_sub(began.elapsed()) / left;
        match timeout(share, connect(*address)).await {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(error)) => last_error = error,
            Err(_) => last_error = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last_error)
}

async fn write_gathered<W: AsyncWrite + Unpin>(shared: Arc<Shared>, mut stream: W) {
    let mut buffer = Vec::new();
    let mut unanswered = Vec::new();
    loop {
        let closed = {
            let mut state = shared.state.lock();
            std::mem::swap(&mut state.outgoing, &mut buffer);
            std::mem::swap(&mut state.unanswered, &mut unanswered);
            state.writing = !buffer.is_empty();
            state.closed.is_some()
        };
        if buffer.is_empty() {
            if closed {
                break;
            }
            shared.wake_writer.notified().await;
            continue;
        }
        // Nobody waits for a connection that is closed, so a peer that does not read must not keep it.
        let written = tokio::select! {
            biased;
            written = stream.write_all(&buffer) => written,
            () = shared.write_is_overdue() => Err(io::ErrorKind::TimedOut.into()),
        };
        buffer.clear();
        if buffer.capacity() > WRITE_BUFFER_KEPT {
            buffer = Vec::new();
        }
        if let Err(error) = written {
            shared.close(shared.disconnected(Some(error)));
            break;
        }
        shared.state.lock().used = Instant::now();
        for sender in unanswered.drain(..) {
            let _ = sender.send(());
        }
    }
    let _ = timeout(shared.request_timeout, stream.shutdown()).await;
    shared.enter(Phase::Ended);
}

async fn read_answers<R: AsyncRead + Unpin>(shared: Arc<Shared>, mut stream: R, idle: Option<Duration>) {
    let idle = idle.unwrap_or(Duration::MAX);
    let mut buffer = BytesMut::new();
    let mut rest = idle;
    let error = loop {
        match frame::split(&mut buffer) {
            Ok(Some(frame)) => {
                if let Err(error) = hand_out(&shared, frame) {
                    break Some(error);
                }
                continue;
            }
            Ok(None) => {}
            Err(error) => break Some(error),
        }
        let filled = tokio::select! {
            filled = timeout(rest, frame::fill(&mut stream, &mut buffer)) => filled,
            () = shared.wake_reader.notified() => return,
        };
        match filled {
            Ok(Ok(true)) => {
                shared.state.lock().used = Instant::now();
                rest = idle;
            }
            Ok(Ok(false)) => break None,
            Ok(Err(error)) => break Some(error),
            Err(_) => match shared.finish_if_idle(idle) {
                Some(more) => rest = more,
                None => return,
            },
        }
    };
    shared.close(shared.disconnected(error));
}

fn hand_out(shared: &Shared, frame: Bytes) -> io::Result<()> {
    shared.metrics.answered(frame.len() + size_of::<i32>());
    let came = frame::correlation_id(&frame);
    let front = shared.state.lock().waiting.pop_front();
    match front {
        Some((expected, sender)) if Some(expected) == came => {
            let _ = sender.send(Ok(frame));
            Ok(())
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "an answer that belongs to no request")),
    }
}

#[cfg(test)]
mod tests;

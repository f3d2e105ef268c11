//! Listening sockets: bind, accept within the limits, and hand each connection to its own task.
//!
//! Invariant: an accept that fails for want of descriptors or memory is waited out, never spun on.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::sync::watch;

use super::connection::{self, ConnectionInfo, ConnectionSettings, Service};
use super::limits::Pace;
use super::registry::ConnectionRegistry;

/// A listening socket and what it is called.
pub(crate) struct Bound {
    /// The listener's name, as in `listeners`.
    pub(crate) name: Arc<str>,
    /// Whether it is one of `controller.listener.names`.
    pub(crate) is_controller: bool,
    /// Where it listens; the port is the real one when 0 was asked for.
    pub(crate) address: SocketAddr,
    socket: TcpListener,
}

/// Binds a listener. An empty host means every address, of IPv6 too where there is that.
pub(crate) async fn bind(
    name: &str,
    is_controller: bool,
    host: &str,
    port: u16,
    backlog: u32,
) -> Result<Bound, String> {
    let shown = format!("{name}://{host}:{port}");
    let address = if host.is_empty() {
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))
    } else {
        let mut found = lookup_host((host, port))
            .await
            .map_err(|e| format!("listener {shown}: the host name is not known here: {e}"))?;
        found.next().ok_or_else(|| format!("listener {shown}: the host name has no address"))?
    };
    let socket = match listen(address, backlog) {
        Err(error) if host.is_empty() && error.kind() != io::ErrorKind::AddrInUse => {
            listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), backlog)
        }
        listening => listening,
    };
    let socket = socket.map_err(|e| match e.kind() {
        io::ErrorKind::AddrInUse => {
            format!("listener {shown}: something else listens on {address}; stop it or choose another port")
        }
        _ => format!("listener {shown}: cannot listen on {address}: {e}"),
    })?;
    let address = socket.local_addr().map_err(|e| format!("listener {shown}: {e}"))?;
    Ok(Bound { name: name.into(), is_controller, address, socket })
}

fn listen(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        rustix::net::sockopt::set_ipv6_v6only(&socket, false)?;
    }
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(backlog)
}

/// Accepts connections until the node stops.
pub(crate) async fn serve<S: Service>(
    bound: Bound,
    service: Arc<S>,
    settings: Arc<ConnectionSettings>,
    registry: Arc<ConnectionRegistry>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut pace = Pace::default();
    loop {
        let accepted = tokio::select! {
            accepted = bound.socket.accept() => accepted,
            _ = stopping.wait_for(|stop| *stop) => return,
        };
        let (stream, peer) = match accepted {
            // An IPv4 client of a socket for both is shown, counted and limited as what it is.
            Ok((stream, peer)) => (stream, SocketAddr::new(peer.ip().to_canonical(), peer.port())),
            Err(e) => {
                tracing::warn!(listener = %bound.name, "a connection could not be accepted: {e}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let wait = registry.creation_wait(&bound.name, &mut pace);
        if !wait.is_zero() {
            // The others wait behind it, in the kernel's queue.
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stopping.wait_for(|stop| *stop) => return,
            }
        }
        let placed = tokio::select! {
            placed = registry.place(peer.ip(), &bound.name) => placed,
            _ = stopping.wait_for(|stop| *stop) => return,
        };
        let registration = match placed {
            Ok(registration) => registration,
            Err(refusal) => {
                tracing::debug!(listener = %bound.name, %peer, %refusal, "connection turned away");
                continue;
            }
        };
        if let Err(e) = prepare(&stream, &settings) {
            tracing::debug!(listener = %bound.name, %peer, "socket options: {e}");
        }
        let info = Arc::new(ConnectionInfo {
            peer,
            listener: bound.name.clone(),
            is_controller: bound.is_controller,
            client_software: Default::default(),
        });
        let (service, settings, stopping) = (service.clone(), settings.clone(), stopping.clone());
        tokio::spawn(async move {
            connection::run(stream, info, service, &settings, registration, stopping).await;
        });
    }
}

fn prepare(stream: &TcpStream, settings: &ConnectionSettings) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if let Some(bytes) = settings.receive_buffer_bytes {
        rustix::net::sockopt::set_socket_recv_buffer_size(stream, bytes as usize)?;
    }
    if let Some(bytes) = settings.send_buffer_bytes {
        rustix::net::sockopt::set_socket_send_buffer_size(stream, bytes as usize)?;
    }
    rustix::net::sockopt::set_socket_keepalive(stream, true)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_without_a_host_was_not_reached_by_ipv6() {
        let bound = bind("PLAINTEXT", false, "", 0, 10).await.expect("bound");
        let port = bound.address.port();
        let mut hosts = vec!["127.0.0.1"];
        if bound.address.is_ipv6() {
            hosts.push("::1");
        }
        for host in hosts {
            let client = TcpStream::connect((host, port)).await.expect(host);
            let (_, peer) = bound.socket.accept().await.expect("accepted");
            let known = SocketAddr::new(peer.ip().to_canonical(), peer.port());
            assert_eq!(known, client.local_addr().expect("an address"), "{host}");
        }
    }
}

//! The socket side: accepting, the time a header may take, and an orderly end.

use std::{io, net::SocketAddr, time::Duration};

use axum::{Router, body::Body};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::Lifecycle;
use crate::config::http::HttpLimits;

/// An idle HTTP/2 connection is asked this often whether it still lives.
const H2_PING: Duration = Duration::from_secs(30);
/// After a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// What connections get to notice that the time is over.
const CUT: Duration = Duration::from_secs(1);

/// The address at the other end of the connection; in each request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Serves `router` on `listener` until `lifecycle.draining`, and then to an orderly end. Moves `lifecycle` on.
pub async fn listen(
    listener: TcpListener,
    router: Router,
    limits: &HttpLimits,
    lifecycle: &Lifecycle,
) -> io::Result<()> {
    let connections = GracefulShutdown::new();
    let server = Server::new(router, limits, lifecycle);
    let end_of_accepting = async {
        lifecycle.draining.cancelled().await;
        if let Some(drain) = limits.shutdown_drain.get() {
            tokio::time::sleep(drain).await;
        }
    };
    tokio::pin!(end_of_accepting);
    loop {
        tokio::select! {
            biased;
            () = &mut end_of_accepting => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => server.spawn(stream, peer, &connections),
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    tracing::info!(connections = connections.count(), "stopping");
    lifecycle.stopping.cancel();
    let done = connections.shutdown();
    tokio::pin!(done);
    let in_time = match limits.shutdown_grace.get() {
        Some(grace) => tokio::time::timeout(grace, &mut done).await.is_ok(),
        None => {
            done.as_mut().await;
            true
        }
    };
    lifecycle.over.cancel();
    if !in_time {
        tracing::warn!("calls in flight were cut: they took longer than SHUTDOWN_GRACE");
        let _ = tokio::time::timeout(CUT, done).await;
    }
    Ok(())
}

struct Server {
    builder: auto::Builder<TokioExecutor>,
    router: Router,
    first_request: Option<Duration>,
    over: CancellationToken,
}

impl Server {
    fn new(router: Router, limits: &HttpLimits, lifecycle: &Lifecycle) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        let header_read = limits.header_read_timeout.get();
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(header_read);
        builder.http2().timer(TokioTimer::new()).keep_alive_interval(H2_PING);
        Self {
            builder,
            router,
            first_request: header_read,
            over: lifecycle.over.clone(),
        }
    }

    fn spawn(&self, stream: TcpStream, peer: SocketAddr, connections: &GracefulShutdown) {
        // Without it, small SSE events wait for the peer's acknowledgements.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let router = self.router.clone();
        let begun = CancellationToken::new();
        let begin = begun.clone();
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            begin.cancel();
            request.extensions_mut().insert(Peer(peer));
            router.clone().oneshot(request.map(Body::new))
        });
        let connection = self
            .builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        let connection = connections.watch(connection);
        // hyper's timer starts when the HTTP version is known: a client that sends nothing at all never gets there.
        let first_request = self.first_request;
        let too_slow = async move {
            match first_request {
                Some(limit) if tokio::time::timeout(limit, begun.cancelled()).await.is_err() => {}
                _ => std::future::pending().await,
            }
        };
        let over = self.over.clone();
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%peer, %error, "connection ended");
                    }
                }
                () = too_slow => tracing::debug!(%peer, "connection closed: no request in HEADER_READ_TIMEOUT"),
                () = over.cancelled() => {}
            }
        });
    }
}

/// Completes on SIGTERM or SIGINT.
pub async fn shutdown_signal() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

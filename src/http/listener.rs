//! The socket side: accepting, the time a header may take, and an orderly end.

use std::{convert::Infallible, io, net::SocketAddr, time::Duration};

use axum::{Router, body::Body};
use http::{HeaderValue, Version, header::CONNECTION};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
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
                Ok((stream, peer)) => {
                    // Without it, small SSE events wait for the peer's acknowledgements.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "no TCP_NODELAY");
                    }
                    server.spawn(stream, peer, &connections);
                }
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
    draining: CancellationToken,
    over: CancellationToken,
}

impl Server {
    fn new(router: Router, limits: &HttpLimits, lifecycle: &Lifecycle) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        let first_request = limits.header_read_timeout.get();
        // hyper's timer runs between requests too. With the short time it would close connections that a load balancer
        // still means to use, and lose calls; a slow header there costs no more than an idle connection does.
        let idle = limits.keep_alive_timeout.get();
        let idle = idle.map(|idle| first_request.map_or(idle, |first| first.max(idle)));
        builder.http1().timer(TokioTimer::new()).header_read_timeout(idle);
        builder.http2().timer(TokioTimer::new()).keep_alive_interval(H2_PING);
        Self {
            builder,
            router,
            first_request,
            draining: lifecycle.draining.clone(),
            over: lifecycle.over.clone(),
        }
    }

    fn spawn<S>(&self, stream: S, peer: SocketAddr, connections: &GracefulShutdown)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = self.router.clone();
        let begun = CancellationToken::new();
        let begin = begun.clone();
        let draining = self.draining.clone();
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            begin.cancel();
            request.extensions_mut().insert(Peer(peer));
            let http1 = request.version() < Version::HTTP_2;
            let (answer, draining) = (router.clone().oneshot(request.map(Body::new)), draining.clone());
            async move {
                let mut response = answer.await?;
                // A load balancer must not send another request on a connection that is about to be closed under it.
                if http1 && draining.is_cancelled() {
                    response
                        .headers_mut()
                        .insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response)
            }
        });
        let connection = self
            .builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        let connection = connections.watch(connection);
        // hyper's timer starts when the HTTP version is known, and a client that sends nothing at all never gets there:
        // this one runs from the first moment.
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

/// Listens to SIGTERM and SIGINT from now on; the future completes at the first.
///
/// # Errors
/// A system that does not let a process handle its signals.
pub fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        // Without the handler nothing could end the process but the system, which then does so by itself.
        let _ = tokio::signal::ctrl_c().await;
    })
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        time::{Instant, timeout},
    };

    use super::*;
    use crate::config::value::Limit;

    /// Sends `bytes`, then waits for the end of the connection. In memory and by a paused clock: waiting costs nothing.
    async fn until_closed(bytes: &[u8]) -> (u64, String) {
        let limits = HttpLimits {
            header_read_timeout: Limit::At(Duration::from_secs(10)),
            keep_alive_timeout: Limit::At(Duration::from_secs(75)),
            ..crate::http::tests::config(&[]).limits
        };
        let router = Router::new().route("/", get(|| async { "here" }));
        let server = Server::new(router, &limits, &Lifecycle::new(CancellationToken::new()));
        let (mut client, stream) = tokio::io::duplex(4096);
        let start = Instant::now();
        let connections = GracefulShutdown::new();
        server.spawn(stream, SocketAddr::from(([127, 0, 0, 1], 4711)), &connections);
        client.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        timeout(Duration::from_secs(3600), client.read_to_end(&mut answer))
            .await
            .unwrap()
            .unwrap();
        (start.elapsed().as_secs(), String::from_utf8(answer).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_whole_request_is_closed() {
        let starts: [&[u8]; 4] = [b"", b"P", b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\nhost: loc"];
        for start in starts {
            assert_eq!(until_closed(start).await, (10, String::new()), "{start:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_kept_longer_than_load_balancers_keep_it() {
        let (time, answer) = until_closed(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert_eq!(time, 75);
    }
}

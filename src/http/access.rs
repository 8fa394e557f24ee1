//! The bearer token, asked of everything but health.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use tokio::time::Instant;

use super::{answer, listener::Peer, observe::record_caller, proxies::TrustedProxies};
use crate::{
    auth::{AuthFailures, Authenticator, Rejection},
    metrics::{self, Cause},
};

pub(super) struct Access {
    pub(super) auth: Authenticator,
    pub(super) failures: AuthFailures,
    pub(super) proxies: TrustedProxies,
}

/// Puts the Caller into the request's extensions, and takes the token out of its headers: nothing further in needs it,
/// and so nothing further in can leak it or send it on.
pub(super) async fn authenticate(State(access): State<Arc<Access>>, mut request: Request, next: Next) -> Response {
    match access.auth.authenticate(request.headers()) {
        Ok(caller) => {
            record_caller(&caller);
            request.headers_mut().remove(AUTHORIZATION);
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(rejection) => {
            let peer = request.extensions().get::<Peer>().copied();
            access.reject(rejection, peer, request.headers())
        }
    }
}

impl Access {
    fn reject(&self, rejection: Rejection, peer: Option<Peer>, headers: &HeaderMap) -> Response {
        // Without a socket (tests) everybody shares one count.
        let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |Peer(address)| address.ip());
        let client = self.proxies.client(peer, headers);
        tracing::warn!(%client, reason = ?rejection, "refused");
        // A request without a token is how clients find out that one is needed, and guesses nothing.
        if rejection != Rejection::Missing
            && let Some(wait) = self.failures.record(client, Instant::now())
        {
            metrics::record(|m| m.rejected(Cause::AuthFailures));
            let text = "too many failed authentications from this address: wait, then send a valid token";
            return answer::retry_after(answer::text(StatusCode::TOO_MANY_REQUESTS, text), wait);
        }
        let cause = match rejection {
            Rejection::Missing => Cause::NoToken,
            Rejection::Unknown | Rejection::Malformed(_) => Cause::Token,
        };
        metrics::record(|m| m.rejected(cause));
        match rejection {
            Rejection::Missing => challenge(
                StatusCode::UNAUTHORIZED,
                "Bearer",
                "send `Authorization: Bearer <token>`; the operator has the token (MCP_AUTH_TOKEN or MCP_AUTH_TOKENS)"
                    .to_owned(),
            ),
            Rejection::Unknown => challenge(
                StatusCode::UNAUTHORIZED,
                r#"Bearer error="invalid_token", error_description="the token is not known""#,
                "this token is not known: ask the operator for the current one".to_owned(),
            ),
            Rejection::Malformed(problem) => challenge(
                StatusCode::BAD_REQUEST,
                r#"Bearer error="invalid_request""#,
                format!("{problem}: send `Authorization: Bearer <token>` once"),
            ),
        }
    }
}

fn challenge(status: StatusCode, challenge: &'static str, text: String) -> Response {
    let mut response = answer::text(status, text);
    response
        .headers_mut()
        .insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}

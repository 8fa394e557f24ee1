//! Host and Origin, on every route: what keeps a web page from reaching this server through DNS rebinding.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{
    HeaderName, StatusCode,
    header::{HOST, ORIGIN},
};

use super::{
    HttpError,
    answer::{self, Refused},
    health,
};
use crate::{
    config::http::HttpConfig,
    metrics::{self, Cause},
};

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Who may be addressed and from which pages, beside loopback, which always may on any port.
pub(super) struct Allowlist {
    hosts: Vec<Host>,
    origins: Vec<Origin>,
}

#[derive(Debug, PartialEq, Eq)]
struct Host {
    name: String,
    port: Option<u16>,
}

#[derive(Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: Host,
}

impl Allowlist {
    pub(super) fn new(config: &HttpConfig) -> Result<Self, HttpError> {
        let wrong = |variable, value: &str, problem| HttpError::Config {
            variable,
            value: value.to_owned(),
            problem,
        };
        let mut hosts = Vec::new();
        let mut origins = Vec::new();
        if let Some(url) = config.public_url.as_deref().map(str::trim).filter(|u| !u.is_empty()) {
            let origin = public_origin(url)
                .ok_or_else(|| wrong("PUBLIC_URL", url, "is not a URL such as https://aws-ops.example.com"))?;
            hosts.push(Host {
                name: origin.host.name.clone(),
                port: origin.port(),
            });
            origins.push(origin);
        }
        for host in config.allowed_hosts.iter().map(|h| h.trim()).filter(|h| !h.is_empty()) {
            let problem = "is not a host such as aws-ops.internal or 10.0.0.5:8000 (no scheme, path or wildcard)";
            hosts.push(Host::parse(host).ok_or_else(|| wrong("ALLOWED_HOSTS", host, problem))?);
        }
        for origin in config
            .allowed_origins
            .iter()
            .map(|o| o.trim())
            .filter(|o| !o.is_empty())
        {
            let problem = "is not an origin such as https://app.example.com (no path or wildcard)";
            origins.push(Origin::parse(origin).ok_or_else(|| wrong("ALLOWED_ORIGINS", origin, problem))?);
        }
        Ok(Self { hosts, origins })
    }

    fn allows_host(&self, host: &str) -> bool {
        let Some(host) = Host::parse(host) else { return false };
        host.is_loopback() || self.hosts.iter().any(|allowed| allowed.matches(&host))
    }

    fn allows_origin(&self, origin: &str) -> bool {
        let Some(origin) = Origin::parse(origin) else {
            return false;
        };
        let local = matches!(origin.scheme.as_str(), "http" | "https") && origin.host.is_loopback();
        let same =
            |o: &Origin| o.scheme == origin.scheme && o.host.name == origin.host.name && o.port() == origin.port();
        local || self.origins.iter().any(same)
    }

    fn verdict(&self, request: &Request) -> Result<(), Refused> {
        let path = request.uri().path();
        // A kubelet asks with the pod's address as Host; there is nothing to rebind to on these two.
        if path != health::LIVE && path != health::READY {
            self.check_hosts(request).inspect_err(|_| count(Cause::Host))?;
        }
        self.check_origin(request).inspect_err(|_| count(Cause::Origin))
    }

    fn check_origin(&self, request: &Request) -> Result<(), Refused> {
        match only(request, &ORIGIN)? {
            Some(origin) if !self.allows_origin(origin) => Err(forbidden(
                "this origin is not allowed",
                origin,
                "ALLOWED_ORIGINS or PUBLIC_URL names those that are",
            )),
            _ => Ok(()),
        }
    }

    /// HTTP/2 and absolute URLs name the host in the URI. Where a request names it twice, both must be allowed.
    fn check_hosts(&self, request: &Request) -> Result<(), Refused> {
        let named = [only(request, &HOST)?, request.uri().authority().map(|a| a.as_str())];
        if named.iter().all(Option::is_none) {
            return Err(Box::new(answer::text(
                StatusCode::BAD_REQUEST,
                "the request has no Host header",
            )));
        }
        match named.into_iter().flatten().find(|host| !self.allows_host(host)) {
            Some(host) => Err(forbidden(
                "this host is not allowed",
                host,
                "ALLOWED_HOSTS or PUBLIC_URL names those that are",
            )),
            None => Ok(()),
        }
    }
}

/// Refuses foreign hosts and origins before anything else is looked at.
pub(super) async fn check(State(allowlist): State<Arc<Allowlist>>, request: Request, next: Next) -> Response {
    match allowlist.verdict(&request) {
        Ok(()) => next.run(request).await,
        Err(response) => *response,
    }
}

/// The one value of a header; more than one is refused, since two readers could pick different ones.
fn only<'a>(request: &'a Request, name: &HeaderName) -> Result<Option<&'a str>, Refused> {
    let mut values = request.headers().get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match value.to_str() {
        Ok(value) if values.next().is_none() => Ok(Some(value)),
        _ => Err(forbidden(
            "this header must stand once, in plain text",
            name.as_str(),
            "send it once",
        )),
    }
}

fn count(cause: Cause) {
    metrics::record(|m| m.rejected(cause));
}

fn forbidden(problem: &str, value: &str, hint: &str) -> Refused {
    tracing::warn!(?value, reason = ?problem, "refused");
    Box::new(answer::text(StatusCode::FORBIDDEN, format!("{problem}: {hint}")))
}

impl Host {
    /// Reads `name`, `name:port`, `[v6]`, `[v6]:port` or a bare IPv6 address, and nothing else.
    fn parse(text: &str) -> Option<Self> {
        if let Ok(v6) = text.parse::<std::net::Ipv6Addr>() {
            return Some(Self {
                name: v6.to_string(),
                port: None,
            });
        }
        let (name, rest) = match text.strip_prefix('[') {
            Some(bracketed) => {
                let (v6, rest) = bracketed.split_once(']')?;
                (v6.parse::<std::net::Ipv6Addr>().ok()?.to_string(), rest)
            }
            None => {
                let (name, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
                let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
                (
                    Some(name)
                        .filter(|n| !n.is_empty() && n.bytes().all(plain))?
                        .to_ascii_lowercase(),
                    rest,
                )
            }
        };
        let port = match rest.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().ok()?),
            Some(_) => return None,
            None if rest.is_empty() => None,
            None => return None,
        };
        Some(Self { name, port })
    }

    fn is_loopback(&self) -> bool {
        LOOPBACK.contains(&self.name.as_str())
    }

    /// An entry without a port takes any. A Host without a port is the scheme's default one, and which scheme the
    /// client used isn't known behind a load balancer, so either default matches.
    fn matches(&self, asked: &Self) -> bool {
        let port = self
            .port
            .is_none_or(|p| asked.port.map_or(p == 80 || p == 443, |a| a == p));
        self.name == asked.name && port
    }
}

impl Origin {
    /// Reads `scheme://host` or `scheme://host:port`. `null` is no such thing.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, host) = text.split_once("://")?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
        if scheme.is_empty() || !scheme.bytes().all(plain) {
            return None;
        }
        Some(Self {
            scheme: scheme.to_ascii_lowercase(),
            host: Host::parse(host)?,
        })
    }

    fn port(&self) -> Option<u16> {
        self.host.port.or(match self.scheme.as_str() {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        })
    }
}

/// The origin of PUBLIC_URL, which may have a path.
fn public_origin(url: &str) -> Option<Origin> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    Origin::parse(&format!("{scheme}://{host}")).filter(|o| matches!(o.scheme.as_str(), "http" | "https"))
}

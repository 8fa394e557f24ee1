//! The client's address, seen through the load balancers that are trusted.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

use super::HttpError;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// TRUSTED_PROXIES.
pub(super) struct TrustedProxies(Vec<Network>);

/// An address and how many of its leading bits count. IPv4 is kept mapped, so that one comparison does.
struct Network {
    bits: u128,
    mask: u128,
}

impl TrustedProxies {
    pub(super) fn new(entries: &[String]) -> Result<Self, HttpError> {
        let networks = entries.iter().map(|e| e.trim()).filter(|e| !e.is_empty()).map(|entry| {
            network(entry).ok_or_else(|| HttpError::Config {
                variable: "TRUSTED_PROXIES",
                value: entry.to_owned(),
                problem: "is neither an address nor a CIDR such as 10.0.0.0/8",
            })
        });
        Ok(Self(networks.collect::<Result<_, _>>()?))
    }

    /// The right-most address that isn't ours: what stands left of it is the client's own claim.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        let hops: Vec<_> = headers.get_all(X_FORWARDED_FOR).iter().collect();
        let hops = hops.iter().rev().flat_map(|v| v.to_str().unwrap_or("?").rsplit(','));
        for hop in hops {
            if !self.trusts(client) {
                break;
            }
            let Some(address) = address(hop.trim()) else { break };
            client = address;
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let bits = mapped(address);
        self.0.iter().any(|n| bits & n.mask == n.bits & n.mask)
    }
}

fn mapped(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn network(text: &str) -> Option<Network> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let prefix: u32 = match prefix {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) => return None,
        None => width,
    };
    let host_bits = width.checked_sub(prefix)?;
    Some(Network {
        bits: mapped(address),
        mask: u128::MAX.checked_shl(host_bits).unwrap_or(0),
    })
}

/// Some proxies append the port.
fn address(text: &str) -> Option<IpAddr> {
    let address = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|s| s.ip()));
    address.ok().map(|a| a.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(entries: &[&str]) -> Result<TrustedProxies, HttpError> {
        TrustedProxies::new(&entries.iter().map(|e| (*e).to_owned()).collect::<Vec<_>>())
    }

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let headers = forwarded
            .iter()
            .map(|v| (http::HeaderName::from_static(X_FORWARDED_FOR), v.parse().unwrap()));
        proxies(trusted)
            .unwrap()
            .client(peer.parse().unwrap(), &headers.collect())
            .to_string()
    }

    #[test]
    fn the_header_counts_only_from_a_trusted_peer() {
        assert_eq!(client(&[], "10.0.0.1", &["192.0.2.1"]), "10.0.0.1");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(client(&["10.0.0.0/8"], "11.0.0.1", &["192.0.2.1"]), "11.0.0.1");
    }

    #[test]
    fn what_the_client_itself_claims_is_not_believed() {
        let trusted = ["10.0.0.0/8", "2001:db8::/32"];
        assert_eq!(client(&trusted, "10.0.0.1", &["198.51.100.9, 192.0.2.1"]), "192.0.2.1");
        assert_eq!(
            client(&trusted, "10.0.0.1", &["198.51.100.9, 192.0.2.1, 10.9.9.9"]),
            "192.0.2.1"
        );
        assert_eq!(
            client(&trusted, "10.0.0.1", &["198.51.100.9", "192.0.2.1:4711"]),
            "192.0.2.1"
        );
        assert_eq!(client(&trusted, "2001:db8::1", &["junk"]), "2001:db8::1");
        assert_eq!(client(&trusted, "10.0.0.1", &["192.0.2.1, junk, 10.9.9.9"]), "10.9.9.9");
        assert_eq!(client(&trusted, "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn wrong_entries_are_errors() {
        for wrong in [
            "10.0.0.0/33",
            "::/129",
            "10.0.0",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "lb.example.com",
            "10.0.0.0/8/8",
        ] {
            let error = proxies(&[wrong]).err().unwrap().to_string();
            assert!(
                error.contains("TRUSTED_PROXIES") && error.contains("10.0.0.0/8"),
                "{error}"
            );
        }
        assert!(proxies(&["0.0.0.0/0", "::/0", "::1", " 192.0.2.7 ", ""]).is_ok());
    }
}

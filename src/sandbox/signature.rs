//! SigV4, seen from AWS's side: who claims to have signed a request, and whether they did.
//!
//! The emulator checks signatures only when an environment variable says so at process start, and reads a
//! streaming body's marker as a digest. So the check is made here, for headers and for presigned URLs alike.
//! Public, because test servers that stand in for other AWS services check theirs with it.

use std::fmt::Write as _;

use axum::http::{HeaderMap, Method, Uri};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How far a signer's clock may be off, as at AWS.
const SKEW_SECONDS: i64 = 300;
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// What a request says about its signer.
#[derive(Debug)]
pub struct Signed {
    /// The access key id, which says whose secret it must be.
    pub access_key: String,
    /// The session token beside it.
    pub token: Option<String>,
    /// The region of the credential scope.
    pub region: String,
    /// The service of the credential scope, as its signing name.
    pub service: String,
    /// The names of the headers that the signature covers, in lower case.
    pub signed_headers: Vec<String>,
    day: String,
    time: String,
    signature: String,
    /// The life of a presigned URL in seconds; `None` when headers carry the signature.
    expires: Option<i64>,
}

/// Why a signature is refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The secret, or anything that was signed, differs.
    Mismatch,
    /// The body isn't the one whose digest was signed.
    Body,
    /// The signer's clock is off.
    Skewed,
    /// A presigned URL has outlived itself.
    Expired,
}

/// Reads the claim from the `Authorization` header or a presigned URL's query. `None`: nothing, or nothing whole.
pub fn read(headers: &HeaderMap, uri: &Uri) -> Option<Signed> {
    match headers.get("authorization") {
        Some(value) => from_header(value.to_str().ok()?, headers),
        None => from_query(uri.query()?),
    }
}

fn from_header(authorization: &str, headers: &HeaderMap) -> Option<Signed> {
    let fields = authorization.strip_prefix(ALGORITHM)?;
    let field = |name: &str| {
        fields
            .split(',')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    signed(
        field("Credential")?,
        field("SignedHeaders")?,
        field("Signature")?,
        header("x-amz-date")?,
        header("x-amz-security-token"),
        None,
    )
}

fn from_query(query: &str) -> Option<Signed> {
    let param = |name: &str| {
        pairs(query)
            .find(|(key, _)| *key == name)
            .map(|(_, value)| decode(value))
    };
    if param("X-Amz-Algorithm")? != ALGORITHM {
        return None;
    }
    signed(
        &param("X-Amz-Credential")?,
        &param("X-Amz-SignedHeaders")?,
        &param("X-Amz-Signature")?,
        param("X-Amz-Date")?,
        param("X-Amz-Security-Token"),
        Some(param("X-Amz-Expires")?.parse().ok()?),
    )
}

fn signed(
    credential: &str,
    headers: &str,
    signature: &str,
    time: String,
    token: Option<String>,
    expires: Option<i64>,
) -> Option<Signed> {
    let mut scope = credential.split('/').map(str::to_owned);
    let (access_key, day, region, service) = (scope.next()?, scope.next()?, scope.next()?, scope.next()?);
    (scope.next()? == "aws4_request").then(|| Signed {
        access_key,
        token,
        region,
        service,
        day,
        time,
        signed_headers: headers.split(';').map(str::to_owned).collect(),
        signature: signature.to_owned(),
        expires,
    })
}

impl Signed {
    /// Whether the holder of `secret` signed exactly this request, at about `now` (seconds since 1970).
    pub fn verify(
        &self,
        secret: &str,
        now: i64,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), Refusal> {
        self.check_time(now)?;
        let payload = self.payload(headers, body)?;
        let request = format!(
            "{method}\n{}\n{}\n{}\n{}\n{payload}",
            self.canonical_path(uri.path()),
            canonical_query(uri.query().unwrap_or_default()),
            self.canonical_headers(headers, uri),
            self.signed_headers.join(";"),
        );
        let scope = format!("{}/{}/{}/aws4_request", self.day, self.region, self.service);
        let text = format!(
            "{ALGORITHM}\n{}\n{scope}\n{}",
            self.time,
            sha256_hex(request.as_bytes())
        );
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in [&self.day, &self.region, &self.service, "aws4_request"] {
            key = hmac(&key, part.as_bytes()).to_vec();
        }
        let expected = hex(&hmac(&key, text.as_bytes()));
        if bool::from(expected.as_bytes().ct_eq(self.signature.as_bytes())) {
            Ok(())
        } else {
            Err(Refusal::Mismatch)
        }
    }

    fn check_time(&self, now: i64) -> Result<(), Refusal> {
        let signed_at = seconds(&self.time)
            .filter(|_| self.time.starts_with(&self.day))
            .ok_or(Refusal::Mismatch)?;
        match self.expires {
            Some(life) if now > signed_at.saturating_add(life) => Err(Refusal::Expired),
            Some(_) if signed_at > now + SKEW_SECONDS => Err(Refusal::Skewed),
            None if signed_at.abs_diff(now) > SKEW_SECONDS.unsigned_abs() => Err(Refusal::Skewed),
            _ => Ok(()),
        }
    }

    /// The last line of the canonical request: a digest that must be the body's, or a marker that stands for none.
    fn payload(&self, headers: &HeaderMap, body: &[u8]) -> Result<String, Refusal> {
        match headers.get("x-amz-content-sha256").and_then(|v| v.to_str().ok()) {
            None if self.expires.is_some() => Ok(UNSIGNED.to_owned()),
            None => Ok(sha256_hex(body)),
            Some(marker) if marker == UNSIGNED || marker.starts_with("STREAMING-") => Ok(marker.to_owned()),
            Some(digest) if digest == sha256_hex(body) => Ok(digest.to_owned()),
            Some(_) => Err(Refusal::Body),
        }
    }

    /// S3 signs the path as it was sent; every other service encodes it once more.
    fn canonical_path(&self, path: &str) -> String {
        if self.service == "s3" {
            path.to_owned()
        } else {
            encode(path)
        }
    }

    fn canonical_headers(&self, headers: &HeaderMap, uri: &Uri) -> String {
        let mut lines = String::new();
        for name in &self.signed_headers {
            let values: Vec<_> = headers
                .get_all(name.as_str())
                .iter()
                .filter_map(|v| v.to_str().ok())
                .collect();
            let value = match (values.is_empty(), uri.authority()) {
                (true, Some(authority)) if name == "host" => authority.as_str().to_owned(),
                _ => values.join(","),
            };
            let value = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
            let _infallible = writeln!(lines, "{name}:{value}");
        }
        lines
    }
}

/// The pairs of a query, still encoded. What has no `=` counts as empty, as SigV4 says.
fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn canonical_query(query: &str) -> String {
    let mut sorted: Vec<_> = pairs(query).filter(|(key, _)| *key != "X-Amz-Signature").collect();
    sorted.sort_unstable();
    sorted
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join("&")
}

/// Undoes percent-encoding as UTF-8. The emulator reads each byte as a character of its own.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|h| std::str::from_utf8(h).ok());
        if let Some(byte) = hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Percent-encodes everything but what is unreserved, and slashes.
pub(super) fn encode(path: &str) -> String {
    path.bytes().fold(String::with_capacity(path.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _infallible = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// `20261121T010857Z` in seconds since 1970.
fn seconds(time: &str) -> Option<i64> {
    let part = |range: std::ops::Range<usize>| time.get(range);
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0..4)?,
        part(4..6)?,
        part(6..8)?,
        part(9..11)?,
        part(11..13)?,
        part(13..15)?
    );
    let format = aws_smithy_types::date_time::Format::DateTime;
    aws_smithy_types::DateTime::from_str(&text, format)
        .ok()
        .map(|t| t.secs())
}

pub(super) fn sha256_hex(data: &[u8]) -> String {
    hex(&Sha256::digest(data))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            let _infallible = write!(out, "{byte:02x}");
            out
        })
}

/// HMAC-SHA256 (RFC 2104). Ten lines here are lighter than one more crate in the sandbox's tree.
fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    let hashed = Sha256::digest(key);
    let key = if key.len() > block.len() {
        hashed.as_slice()
    } else {
        key
    };
    block.iter_mut().zip(key).for_each(|(slot, byte)| *slot = *byte);
    let inner = Sha256::new()
        .chain_update(block.map(|b| b ^ 0x36))
        .chain_update(data)
        .finalize();
    Sha256::new()
        .chain_update(block.map(|b| b ^ 0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_matches_rfc_4231() {
        let case_2 = hex(&hmac(b"Jefe", b"what do ya want for nothing?"));
        assert_eq!(
            case_2,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let long_key = hex(&hmac(
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
        ));
        assert_eq!(
            long_key,
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn times_and_escapes_are_read() {
        assert_eq!(seconds("20150830T123600Z"), Some(1_440_938_160));
        assert_eq!(seconds("not a time"), None);
        assert_eq!(decode("gr%C3%BC%C3%9Fe%2Fx%"), "grüße/x%");
        assert_eq!(encode("/a%2Fb c"), "/a%252Fb%20c");
    }
}

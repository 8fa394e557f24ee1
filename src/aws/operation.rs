//! A request to AWS as a span: its service and operation, and nothing of what it says.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use crate::trace::{Span, SpanKind, attribute};

/// The longest name of an operation.
const LONGEST: usize = 64;

/// The request's span, below the work that it is for; none outside of a traced call.
pub(super) fn span(service: &'static str, request: &HttpRequest) -> Span {
    let name = || match operation(request) {
        Some(operation) => format!("{service}.{operation}"),
        // REST services name the operation in paths, which hold names of the caller's.
        None => format!("{service} {}", method(request)),
    };
    let attributes = || {
        let mut all = vec![
            attribute("rpc.system", "aws-api"),
            attribute("rpc.service", service),
            attribute("http.request.method", method(request)),
        ];
        all.extend(operation(request).map(|operation| attribute("rpc.method", operation)));
        all
    };
    Span::below(name, SpanKind::Client, attributes)
}

fn method(request: &HttpRequest) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE"].into_iter();
    known.into_iter().find(|m| *m == request.method()).unwrap_or("_OTHER")
}

/// The operation, where the protocol names it apart from what the caller named: in a header, at the body's start, as `x-id`, or in CBOR's path.
fn operation(request: &HttpRequest) -> Option<String> {
    let named = |text: &str| {
        let plain = !text.is_empty() && text.len() <= LONGEST && text.chars().all(|c| c.is_ascii_alphanumeric());
        plain.then(|| text.to_owned())
    };
    if let Some(target) = request.headers().get("x-amz-target") {
        return named(target.rsplit('.').next().unwrap_or_default());
    }
    // In this protocol the path is AWS's own.
    if request.headers().contains_key("smithy-protocol") {
        return named(request.uri().rsplit_once("/operation/")?.1);
    }
    let query = request.uri().split_once('?').map_or("", |(_, query)| query);
    if let Some(id) = query.split('&').find_map(|part| part.strip_prefix("x-id=")) {
        return named(id);
    }
    let body = request.body().bytes()?.strip_prefix(b"Action=")?;
    let action = body.split(|b| *b == b'&').next().unwrap_or_default();
    named(std::str::from_utf8(action).ok()?)
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn of(target: Option<&'static str>, uri: &str, body: &'static str) -> Option<String> {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_uri(uri).unwrap();
        if let Some(target) = target {
            request.headers_mut().insert("x-amz-target", target);
        }
        operation(&request)
    }

    #[test]
    fn an_operation_is_told_where_it_is_named_and_a_path_never_is() {
        let name = |text: &str| Some(text.to_owned());
        assert_eq!(
            of(Some("secretsmanager.ListSecrets"), "http://x/", "{}"),
            name("ListSecrets")
        );
        assert_eq!(of(None, "http://x/", "Action=AssumeRole&Version=1"), name("AssumeRole"));
        assert_eq!(of(None, "http://x/bucket/key?x-id=GetObject", ""), name("GetObject"));
        assert_eq!(of(None, "http://x/2013-04-01/hostedzone/Z1", ""), None);
        assert_eq!(of(None, "http://x/", "Action=not%20one&x"), None);
        let cbor = "http://x/service/GraniteServiceVersion20100801/operation/DescribeAlarms";
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_uri(cbor).unwrap();
        assert_eq!(operation(&request), None);
        request.headers_mut().insert("smithy-protocol", "rpc-v2-cbor");
        assert_eq!(operation(&request), name("DescribeAlarms"));
        assert_eq!(of(None, "http://x/k?x-id=", "secret"), None);
    }
}

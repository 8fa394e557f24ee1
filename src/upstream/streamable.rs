//! rmcp's Streamable HTTP client over signed requests: every POST, GET and DELETE is signed with the keys of that moment.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use rmcp::{
    model::{ClientJsonRpcMessage, ClientRequest, ErrorData, GetExtensions, JsonObject, ServerJsonRpcMessage},
    transport::streamable_http_client::{
        SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
    },
};
use serde_json::Value;
use sse_stream::{Sse, SseStream};

use super::{
    Sender, UpstreamError,
    relayed::Relayed,
    sender::{Answer, LARGEST_ANSWER},
};

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
const SESSION: &str = "mcp-session-id";

/// How the AWS MCP Server says in a 200 that it lost the session. Source: its contract, error -30001.
pub(super) const SESSION_LOST: i32 = -30001;

type Fault = StreamableHttpError<UpstreamError>;

/// The client that rmcp's transport drives.
#[derive(Clone, Debug)]
pub struct SignedClient {
    sender: Sender,
    headers: Arc<HeaderMap>,
    metadata: Arc<JsonObject>,
    listens: bool,
}

impl SignedClient {
    /// Over a sender.
    pub fn new(sender: Sender) -> Self {
        Self {
            sender,
            headers: Arc::default(),
            metadata: Arc::default(),
            listens: true,
        }
    }

    /// Without the stream of what the server says unasked, which would hold a connection for each session: AWS allows an account 27.
    #[must_use]
    pub fn without_listening(self) -> Self {
        Self { listens: false, ..self }
    }

    /// With headers on every request. The signature covers them, but for `User-Agent`.
    #[must_use]
    pub fn with_headers(self, headers: HeaderMap) -> Self {
        Self {
            headers: Arc::new(headers),
            ..self
        }
    }

    /// With keys that go into each request's `_meta`, where the request has parameters and does not set the key itself.
    #[must_use]
    pub fn with_metadata(self, metadata: JsonObject) -> Self {
        Self {
            metadata: Arc::new(metadata),
            ..self
        }
    }

    /// What it sends through.
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    async fn send(
        &self,
        method: Method,
        accept: &'static str,
        session: Option<&str>,
        headers: HashMap<HeaderName, HeaderValue>,
        body: Bytes,
    ) -> Result<Answer, UpstreamError> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        let url = self.sender.endpoint().url();
        *request.uri_mut() = url.parse().map_err(|e| UpstreamError::Request(format!("{url}: {e}")))?;
        let map = request.headers_mut();
        map.extend(self.headers.as_ref().clone());
        map.extend(headers);
        map.insert(header::ACCEPT, HeaderValue::from_static(accept));
        if let Some(session) = session {
            let value = HeaderValue::from_str(session);
            let value = value.map_err(|_| UpstreamError::Request("the session id is no header's value".to_owned()))?;
            map.insert(SESSION, value);
        }
        if !request.body().is_empty() {
            let json = HeaderValue::from_static(JSON);
            request.headers_mut().insert(header::CONTENT_TYPE, json);
        }
        self.sender.send(request).await
    }

    fn body_of(&self, message: &ClientJsonRpcMessage) -> Result<Bytes, serde_json::Error> {
        let relayed = match message {
            ClientJsonRpcMessage::Request(request) => request.request.extensions().get::<Relayed>(),
            _ => None,
        };
        if self.metadata.is_empty() && relayed.is_none() {
            return serde_json::to_vec(message).map(Bytes::from);
        }
        let mut value = serde_json::to_value(message)?;
        if let Some(relayed) = relayed {
            relayed.restore(&mut value);
        }
        if !self.metadata.is_empty()
            && let Some(Value::Object(params)) = value.get_mut("params")
        {
            let mut meta = self.metadata.as_ref().clone();
            if let Some(Value::Object(own)) = params.remove("_meta") {
                meta.extend(own);
            }
            params.insert("_meta".to_owned(), Value::Object(meta));
        }
        serde_json::to_vec(&value).map(Bytes::from)
    }

    /// What an answer with an error's status is to rmcp.
    async fn refused(
        &self,
        answer: Answer,
        message: &ClientJsonRpcMessage,
        had_session: bool,
    ) -> Result<StreamableHttpPostResponse, Fault> {
        let status = answer.status;
        if status == StatusCode::NOT_FOUND && had_session {
            return Err(StreamableHttpError::SessionExpired);
        }
        let session = answer.header(SESSION).map(str::to_owned);
        let credentials = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let fault = if credentials || status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            answer.into_error().await
        } else {
            let copy = (answer.status, answer.headers.clone());
            let body = answer.bytes().await.map_err(StreamableHttpError::Client)?;
            // A server of an older era refuses what it does not know; rmcp then goes on with `initialize`.
            let error = match serde_json::from_slice::<ServerJsonRpcMessage>(&body) {
                Ok(ServerJsonRpcMessage::Error(error)) => Some(error),
                _ => None,
            };
            if let ClientJsonRpcMessage::Request(request) = message
                && matches!(request.request, ClientRequest::DiscoverRequest(_))
                && !had_session
            {
                let refused =
                    || ErrorData::invalid_request(format!("server/discover was refused: HTTP {status}"), None);
                let error = error.map_or_else(refused, |e| e.error);
                let answer = ServerJsonRpcMessage::error(error, Some(request.id.clone()));
                return Ok(StreamableHttpPostResponse::Json(answer, None));
            }
            if let Some(error) = error {
                return Ok(StreamableHttpPostResponse::Json(
                    ServerJsonRpcMessage::Error(error),
                    session,
                ));
            }
            Answer::whole(copy, body, self.sender.endpoint().host())
                .into_error()
                .await
        };
        if fault.is_credentials() {
            self.sender.keys().forget();
        }
        Err(StreamableHttpError::Client(fault))
    }
}

impl StreamableHttpClient for SignedClient {
    type Error = UpstreamError;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Fault> {
        self.post_message_with_max_sse_event_size(uri, message, session_id, auth_header, custom_headers, LARGEST_ANSWER)
            .await
    }

    async fn post_message_with_max_sse_event_size(
        &self,
        _: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
        max_sse_event_size: usize,
    ) -> Result<StreamableHttpPostResponse, Fault> {
        let had_session = session_id.is_some();
        let body = self.body_of(&message)?;
        let accept = "application/json, text/event-stream";
        let answer = self.send(Method::POST, accept, session_id.as_deref(), custom_headers, body);
        let answer = answer.await.map_err(StreamableHttpError::Client)?;
        if matches!(answer.status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if !answer.status.is_success() {
            return self.refused(answer, &message, had_session).await;
        }
        let session = answer.header(SESSION).map(str::to_owned);
        if answer.content_type() == EVENTS {
            return Ok(StreamableHttpPostResponse::Sse(
                events(answer, max_sse_event_size),
                session,
            ));
        }
        let kind = answer.content_type();
        let body = answer.bytes().await.map_err(StreamableHttpError::Client)?;
        match serde_json::from_slice::<ServerJsonRpcMessage>(&body) {
            Ok(ServerJsonRpcMessage::Error(error)) if had_session && error.error.code.0 == SESSION_LOST => {
                Err(StreamableHttpError::SessionExpired)
            }
            Ok(message) => Ok(StreamableHttpPostResponse::Json(message, session)),
            // Who sent no request waits for no answer.
            Err(_) if !matches!(message, ClientJsonRpcMessage::Request(_)) => Ok(StreamableHttpPostResponse::Accepted),
            Err(_) if kind != JSON => Err(StreamableHttpError::UnexpectedContentType(Some(kind))),
            Err(error) => Err(StreamableHttpError::Deserialize(error)),
        }
    }

    async fn delete_session(
        &self,
        _: Arc<str>,
        session_id: Arc<str>,
        _: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Fault> {
        let answer = self.send(Method::DELETE, JSON, Some(&session_id), custom_headers, Bytes::new());
        let answer = answer.await.map_err(StreamableHttpError::Client)?;
        if answer.status.is_success() || answer.status == StatusCode::METHOD_NOT_ALLOWED {
            return Ok(());
        }
        Err(StreamableHttpError::Client(answer.into_error().await))
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Fault> {
        self.get_stream_with_max_sse_event_size(
            uri,
            session_id,
            last_event_id,
            auth_header,
            custom_headers,
            LARGEST_ANSWER,
        )
        .await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        _: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        _: Option<String>,
        mut custom_headers: HashMap<HeaderName, HeaderValue>,
        max_sse_event_size: usize,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Fault> {
        if !self.listens && last_event_id.is_none() {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        if let Some(value) = last_event_id.and_then(|id| HeaderValue::from_str(&id).ok()) {
            custom_headers.insert(HeaderName::from_static("last-event-id"), value);
        }
        let answer = self.send(Method::GET, EVENTS, session_id.as_deref(), custom_headers, Bytes::new());
        let answer = answer.await.map_err(StreamableHttpError::Client)?;
        if answer.status == StatusCode::METHOD_NOT_ALLOWED {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        if !answer.status.is_success() {
            return Err(StreamableHttpError::Client(answer.into_error().await));
        }
        // Nothing may come for hours on a stream that answers no request.
        Ok(events(answer.without_deadline(), max_sse_event_size))
    }
}

/// A stream of events, none of them larger than `limit` bytes.
fn events(answer: Answer, limit: usize) -> BoxStream<'static, Result<Sse, SseError>> {
    let host = answer.host().to_owned();
    let bounded = answer.pieces().scan(Event::default(), move |event, piece| {
        let piece = piece.and_then(|piece| {
            if event.grow(&piece) > limit {
                let host = host.clone();
                return Err(UpstreamError::TooLarge { host, limit });
            }
            Ok(piece)
        });
        std::future::ready(Some(piece))
    });
    SseStream::from_bytes_stream(bounded).boxed()
}

/// How much of one event has been seen. An empty line ends it.
#[derive(Default)]
struct Event {
    bytes: usize,
    line_is_empty: bool,
}

impl Event {
    /// The size of the largest event that `piece` is a part of.
    fn grow(&mut self, piece: &[u8]) -> usize {
        let mut largest = 0;
        for byte in piece {
            self.bytes += 1;
            largest = largest.max(self.bytes);
            match byte {
                b'\n' if self.line_is_empty => self.bytes = 0,
                b'\n' => self.line_is_empty = true,
                b'\r' => {}
                _ => self.line_is_empty = false,
            }
        }
        largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_ends_with_an_empty_line_wherever_the_pieces_are_cut() {
        let mut event = Event::default();
        assert_eq!(event.grow(b"data: 1234\n"), 11);
        assert_eq!(event.grow(b"\r\ndata: 5\n"), 13);
        assert_eq!(event.grow(b"\n"), 9);
        assert_eq!(event.grow(b"x"), 1);
    }
}

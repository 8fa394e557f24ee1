//! A stateless call that says nothing for long would be cut by a load balancer, since rmcp answers only when it has the
//! first message. After one ping interval the answer becomes a stream, which is pinged until that message comes.

use std::{pin::Pin, time::Duration};

use axum::{
    body::{Body, BodyDataStream},
    response::Response,
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use http::{
    HeaderValue,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use http_body_util::BodyExt as _;
use rmcp::model::RequestId;
use serde_json::json;

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

const EVENT_STREAM: &str = "text/event-stream";
const PING: &[u8] = b": ping\n\n";

/// What the stream does next.
enum Step {
    Wait { answer: Answer, first: bool },
    Forward(BodyDataStream),
    End,
}

/// The answer as it is if it comes within one ping, else a stream with pings and then the answer. Dropping the stream
/// drops the answer, which is how rmcp learns that the client went away.
pub(super) async fn answer(
    answer: impl Future<Output = Response> + Send + 'static,
    ping: Option<Duration>,
    id: Option<RequestId>,
) -> Response {
    let mut answer: Answer = Box::pin(answer);
    let Some(ping) = ping else { return answer.await };
    if let Ok(response) = tokio::time::timeout(ping, &mut answer).await {
        return response;
    }
    let mut response = Response::new(Body::from_stream(pinged(answer, ping, id)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn pinged(
    answer: Answer,
    ping: Duration,
    id: Option<RequestId>,
) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static {
    futures::stream::unfold(
        (Step::Wait { answer, first: true }, id),
        move |(mut step, id)| async move {
            loop {
                match step {
                    // The interval before the first ping has passed already.
                    Step::Wait { answer, first: true } => {
                        return Some((Ok(Bytes::from_static(PING)), (Step::Wait { answer, first: false }, id)));
                    }
                    Step::Wait {
                        mut answer,
                        first: false,
                    } => match tokio::time::timeout(ping, &mut answer).await {
                        Err(_) => {
                            return Some((Ok(Bytes::from_static(PING)), (Step::Wait { answer, first: false }, id)));
                        }
                        Ok(response) if is(&response, EVENT_STREAM) => {
                            step = Step::Forward(response.into_body().into_data_stream());
                        }
                        Ok(response) => return Some((Ok(event(response, id.as_ref()).await), (Step::End, id))),
                    },
                    Step::Forward(mut body) => {
                        let frame = body.next().await?;
                        return Some((frame, (Step::Forward(body), id)));
                    }
                    Step::End => return None,
                }
            }
        },
    )
}

fn is(response: &Response, content_type: &str) -> bool {
    response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|v| v.as_bytes().starts_with(content_type.as_bytes()))
}

/// A whole response as one event. The status is gone by now: what isn't JSON-RPC becomes an error of it.
async fn event(response: Response, id: Option<&RequestId>) -> Bytes {
    let (status, is_json) = (response.status(), is(&response, "application/json"));
    let body = response.into_body().collect().await.ok().filter(|_| is_json);
    let json = body
        .map(|b| String::from_utf8_lossy(&b.to_bytes()).into_owned())
        .unwrap_or_else(|| {
            tracing::error!(status = status.as_u16(), "a call failed after its stream was opened");
            let error = json!({"code": rmcp::model::ErrorCode::INTERNAL_ERROR.0, "message": "internal error"});
            json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string()
        });
    let data: String = json.lines().map(|line| format!("data: {line}\n")).collect();
    Bytes::from(data + "\n")
}

//! A sandbox whose answers get lost on the way: it did what it was asked, and whoever asked hears of a broken gateway.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;

/// Which requests' answers get lost, by method, path and body, and how many did.
#[derive(Clone, Debug)]
pub(crate) struct Lossy {
    pub(super) client: SharedHttpClient,
    pub(super) loses: fn(&str) -> bool,
    pub(super) lost: Arc<AtomicUsize>,
}

impl HttpClient for Lossy {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let connector = self.client.http_connector(settings, components);
        SharedHttpConnector::new(Connector(self.clone(), connector))
    }
}

#[derive(Debug)]
struct Connector(Lossy, SharedHttpConnector);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self(Lossy { loses, lost, .. }, connector) = self;
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default());
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let loses = loses(&format!("{} {} {target} {body}", request.method(), request.uri()));
        let (answer, lost) = (connector.call(request), lost.clone());
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            if !loses {
                return Ok(answer);
            }
            lost.fetch_add(1, SeqCst);
            let status = StatusCode::try_from(502).unwrap();
            Ok(HttpResponse::new(status, SdkBody::from("<html>Bad Gateway</html>")))
        })
    }
}

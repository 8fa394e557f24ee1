//! Whether and where spans are exported, by OpenTelemetry's own variables.

use opentelemetry_sdk::trace::Sampler;

use super::{env::ConfigError, value::Secret};

/// OTLP export of traces; without an endpoint there is none.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Traces (OpenTelemetry)")]
pub struct TracesConfig {
    /// OTLP/HTTP endpoint to which spans are sent, such as http://collector:4318; /v1/traces is added. Without it there are no spans
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    pub otel_exporter_otlp_endpoint: Option<String>,

    /// The same as a whole URL, which wins
    #[arg(long, env = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", value_name = "URL")]
    pub otel_exporter_otlp_traces_endpoint: Option<String>,

    /// Headers of each export, such as `authorization=Bearer%20TOKEN`
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_HEADERS",
        hide_env_values = true,
        value_name = "NAME=VALUE,…"
    )]
    pub otel_exporter_otlp_headers: Option<Secret>,

    /// The same for spans alone, which wins
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        hide_env_values = true,
        value_name = "NAME=VALUE,…"
    )]
    pub otel_exporter_otlp_traces_headers: Option<Secret>,

    /// http/protobuf, the one protocol that is spoken here
    #[arg(long, env = "OTEL_EXPORTER_OTLP_PROTOCOL", value_name = "PROTOCOL")]
    pub otel_exporter_otlp_protocol: Option<String>,

    /// The same for spans alone, which wins
    #[arg(long, env = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", value_name = "PROTOCOL")]
    pub otel_exporter_otlp_traces_protocol: Option<String>,

    /// The service's name in its spans; without it OTEL_RESOURCE_ATTRIBUTES' service.name, else aws-ops-mcp
    #[arg(long, env = "OTEL_SERVICE_NAME", value_name = "NAME")]
    pub otel_service_name: Option<String>,

    /// What else the spans say of the service: `deployment.environment.name=production,team=sre`
    #[arg(long, env = "OTEL_RESOURCE_ATTRIBUTES", value_name = "NAME=VALUE,…")]
    pub otel_resource_attributes: Option<String>,

    /// Which traces are recorded: always_on, always_off, traceidratio, or parentbased_ and one of these
    #[arg(
        long,
        env = "OTEL_TRACES_SAMPLER",
        value_name = "SAMPLER",
        default_value = "parentbased_always_on"
    )]
    pub otel_traces_sampler: String,

    /// The share of traces that a traceidratio sampler records, 0 to 1
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", value_name = "SHARE")]
    pub otel_traces_sampler_arg: Option<String>,

    /// `true`: no spans, whatever else is set
    #[arg(long, env = "OTEL_SDK_DISABLED", value_name = "BOOLEAN")]
    pub otel_sdk_disabled: Option<String>,
}

impl TracesConfig {
    /// The URL to export to, if spans are to be exported.
    ///
    /// # Errors
    /// A protocol that is not spoken here, or an endpoint that is no HTTP URL.
    pub fn endpoint(&self) -> Result<Option<String>, ConfigError> {
        let set = |text: &Option<String>| {
            text.as_deref()
                .map(str::trim)
                .filter(|t| !t.is_empty())
                .map(str::to_owned)
        };
        // The specification takes "true" in any case, and everything else for false.
        if self
            .otel_sdk_disabled
            .as_deref()
            .is_some_and(|v| v.trim().eq_ignore_ascii_case("true"))
        {
            return Ok(None);
        }
        let (name, endpoint) = match (
            set(&self.otel_exporter_otlp_traces_endpoint),
            set(&self.otel_exporter_otlp_endpoint),
        ) {
            (Some(whole), _) => ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", whole),
            (None, Some(base)) => {
                let url = format!("{}/v1/traces", base.trim_end_matches('/'));
                ("OTEL_EXPORTER_OTLP_ENDPOINT", url)
            }
            (None, None) => return Ok(None),
        };
        let http = endpoint.starts_with("http://") || endpoint.starts_with("https://");
        if !http || endpoint.parse::<::http::Uri>().is_err() {
            let right = "expected a URL such as http://collector:4318";
            return Err(ConfigError::wrong(name, endpoint, right));
        }
        let protocols = [
            (
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
                set(&self.otel_exporter_otlp_traces_protocol),
            ),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", set(&self.otel_exporter_otlp_protocol)),
        ];
        match protocols.into_iter().find_map(|(name, value)| Some((name, value?))) {
            Some((name, protocol)) if protocol != "http/protobuf" => Err(ConfigError::wrong(
                name,
                protocol,
                "expected http/protobuf: this server exports over HTTP alone, mostly to port 4318; there is no gRPC in it",
            )),
            _ => Ok(Some(endpoint)),
        }
    }

    /// The headers of each export.
    ///
    /// # Errors
    /// Headers that are none; the message shows no value.
    pub fn headers(&self) -> Result<::http::HeaderMap, ConfigError> {
        let (name, text) = match (
            &self.otel_exporter_otlp_traces_headers,
            &self.otel_exporter_otlp_headers,
        ) {
            (Some(text), _) => ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", text),
            (None, Some(text)) => ("OTEL_EXPORTER_OTLP_HEADERS", text),
            (None, None) => return Ok(::http::HeaderMap::new()),
        };
        let wrong = || ConfigError::Invalid(format!("{name}: expected NAME=VALUE,… with values as in a URL"));
        let mut headers = ::http::HeaderMap::new();
        for (key, value) in pairs(text.expose()) {
            let key: ::http::HeaderName = key.parse().map_err(|_| wrong())?;
            let mut value: ::http::HeaderValue = value.parse().map_err(|_| wrong())?;
            value.set_sensitive(true);
            headers.insert(key, value);
        }
        if headers.is_empty() && !text.expose().trim().is_empty() {
            return Err(wrong());
        }
        Ok(headers)
    }

    /// What the spans say of the service beyond its name.
    pub fn resource(&self) -> Vec<(String, String)> {
        pairs(self.otel_resource_attributes.as_deref().unwrap_or_default())
    }

    /// Which traces are recorded.
    ///
    /// # Errors
    /// An unknown sampler, or a share that is none.
    pub fn sampler(&self) -> Result<Sampler, ConfigError> {
        let share = || match self.otel_traces_sampler_arg.as_deref().map(str::trim) {
            None | Some("") => Ok(1.0),
            Some(text) => match text.parse::<f64>() {
                Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
                _ => Err(ConfigError::wrong(
                    "OTEL_TRACES_SAMPLER_ARG",
                    text,
                    "expected a share from 0 to 1",
                )),
            },
        };
        let by = |root: Sampler| Sampler::ParentBased(Box::new(root));
        match self.otel_traces_sampler.trim() {
            "always_on" => Ok(Sampler::AlwaysOn),
            "always_off" => Ok(Sampler::AlwaysOff),
            "traceidratio" => Ok(Sampler::TraceIdRatioBased(share()?)),
            "" | "parentbased_always_on" => Ok(by(Sampler::AlwaysOn)),
            "parentbased_always_off" => Ok(by(Sampler::AlwaysOff)),
            "parentbased_traceidratio" => Ok(by(Sampler::TraceIdRatioBased(share()?))),
            other => Err(ConfigError::wrong(
                "OTEL_TRACES_SAMPLER",
                other,
                "expected always_on, always_off or traceidratio, or one of them after parentbased_",
            )),
        }
    }
}

/// `name=value` pairs, their values decoded as the specification wants it.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |part: &str| {
        let (key, value) = part.split_once('=')?;
        let key = key.trim();
        (!key.is_empty()).then(|| (key.to_owned(), decoded(value.trim())))
    };
    text.split(',').filter_map(pair).collect()
}

/// `%20` as a space; what is no such escape stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after
            .get(..2)
            .and_then(|h| u8::from_str_radix(std::str::from_utf8(h).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        traces: TracesConfig,
    }

    fn config(flags: &[&str]) -> TracesConfig {
        Cli::parse_from([&["test"], flags].concat()).traces
    }

    #[test]
    fn nothing_is_exported_without_an_endpoint_or_when_disabled() {
        assert_eq!(config(&[]).endpoint().unwrap(), None);
        // A platform may set the protocol for all; without an endpoint it is nobody's business.
        assert_eq!(
            config(&["--otel-exporter-otlp-protocol", "grpc"]).endpoint().unwrap(),
            None
        );
        let endpoint = ["--otel-exporter-otlp-endpoint", "http://c:4318/"];
        assert_eq!(
            config(&endpoint).endpoint().unwrap().unwrap(),
            "http://c:4318/v1/traces"
        );
        let off = [&endpoint[..], &["--otel-sdk-disabled", "TRUE"]].concat();
        assert_eq!(config(&off).endpoint().unwrap(), None);
        let whole = [&endpoint[..], &["--otel-exporter-otlp-traces-endpoint", "https://t/x"]].concat();
        assert_eq!(config(&whole).endpoint().unwrap().unwrap(), "https://t/x");
    }

    #[test]
    fn what_is_not_spoken_here_is_said() {
        let grpc = [
            "--otel-exporter-otlp-endpoint",
            "http://c:4317",
            "--otel-exporter-otlp-protocol",
            "grpc",
        ];
        let said = config(&grpc).endpoint().unwrap_err().to_string();
        assert!(
            said.contains("OTEL_EXPORTER_OTLP_PROTOCOL") && said.contains("gRPC"),
            "{said}"
        );
        let traces = [&grpc[..], &["--otel-exporter-otlp-traces-protocol", "http/protobuf"]].concat();
        assert!(config(&traces).endpoint().is_ok(), "the variable for traces wins");
        let said = config(&["--otel-exporter-otlp-endpoint", "c:4318"])
            .endpoint()
            .unwrap_err();
        assert!(said.to_string().contains("http://collector:4318"), "{said}");
        for (sampler, share) in [
            ("sometimes", "1"),
            ("traceidratio", "2"),
            ("parentbased_traceidratio", "x"),
        ] {
            let flags = ["--otel-traces-sampler", sampler, "--otel-traces-sampler-arg", share];
            let said = config(&flags).sampler().unwrap_err().to_string();
            assert!(said.starts_with("OTEL_TRACES_SAMPLER"), "{said}");
        }
    }

    #[test]
    fn headers_are_decoded_and_wrong_ones_are_not_shown() {
        let headers = config(&[
            "--otel-exporter-otlp-headers",
            "authorization=Bearer%20a%3D%zz, x-team = sre",
        ]);
        let headers = headers.headers().unwrap();
        assert_eq!(headers["authorization"], "Bearer a=%zz");
        assert_eq!(headers["x-team"], "sre");
        let said = config(&["--otel-exporter-otlp-headers", "geheim"])
            .headers()
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("OTEL_EXPORTER_OTLP_HEADERS") && !said.contains("geheim"),
            "{said}"
        );
        let resource = config(&["--otel-resource-attributes", "a=b,c=d%2Ce"]).resource();
        assert_eq!(
            resource,
            [("a".to_owned(), "b".to_owned()), ("c".to_owned(), "d,e".to_owned())]
        );
    }
}

//! Where an MCP server is, and what the signature must say of it: service and region, as far as the host tells.

use std::net::IpAddr;

use http::Uri;

/// The endpoint of an MCP server. Only `https`, but for this machine itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    host: String,
    service: String,
    region: Option<String>,
}

/// The regions that have the managed AWS MCP Server. Source: its documentation, "Regions".
pub const AWS_MCP_REGIONS: [&str; 8] = [
    "us-east-1",
    "us-west-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
];

impl Endpoint {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it, in the words of mcp-proxy-for-aws, whose users know them.
    pub fn parse(url: &str) -> Result<Self, String> {
        let invalid = |why: &str| format!("Invalid endpoint URL '{url}': {why}");
        let Some((scheme, _)) = url.split_once("://") else {
            return Err(invalid(
                "missing URL scheme. Use https:// prefix for secure connections.",
            ));
        };
        let uri: Uri = url.parse().map_err(|e| invalid(&format!("{e}.")))?;
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        if host.is_empty() {
            return Err(invalid("missing host."));
        }
        if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err(invalid(
                "it holds a user name or a password; AWS credentials come from the environment or a profile.",
            ));
        }
        match scheme.to_ascii_lowercase().as_str() {
            "https" => {}
            "http" if is_here(&host) => {}
            "http" => {
                return Err(invalid(
                    "HTTP is not allowed for remote endpoints. AWS credentials must be transmitted over HTTPS to prevent interception. Use https:// instead.",
                ));
            }
            other => {
                return Err(invalid(&format!(
                    "unsupported scheme '{other}'. Only HTTPS is supported for secure credential transmission."
                )));
            }
        }
        let labels: Vec<&str> = host.split('.').collect();
        let (service, region) = match labels.as_slice() {
            [.., "bedrock-agentcore", region, "amazonaws", "com"] => ("bedrock-agentcore", Some(*region)),
            [service, region, "api", "aws"] => (*service, Some(*region)),
            [first, ..] => (*first, None),
            [] => ("", None),
        };
        Ok(Self {
            url: url.to_owned(),
            service: service.to_owned(),
            region: region.map(str::to_owned),
            host,
        })
    }

    /// The AWS MCP Server that is nearest to a region.
    pub fn aws_mcp(region: &str) -> Self {
        let region = nearest_aws_mcp(region);
        let host = format!("aws-mcp.{region}.api.aws");
        Self {
            url: format!("https://{host}/mcp"),
            host,
            service: "aws-mcp".to_owned(),
            region: Some(region.to_owned()),
        }
    }

    /// The URL, as it was given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The host, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The service that the host names.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The region that the host names.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Whether a host's name is this machine's own.
    pub fn names_this_machine(host: &str) -> bool {
        is_here(host)
    }

    /// Whether it is on this machine, where proxies have no business.
    pub fn is_here(&self) -> bool {
        is_here(&self.host)
    }
}

fn is_here(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|a| a.is_loopback())
}

/// The region with an AWS MCP Server that is nearest to `region`: the same, else the same part of the world.
pub fn nearest_aws_mcp(region: &str) -> &'static str {
    if let Some(same) = AWS_MCP_REGIONS.iter().find(|r| **r == region) {
        return same;
    }
    match region {
        "us-west-1" | "mx-central-1" | "ca-west-1" => "us-west-2",
        "eu-north-1" | "eu-south-1" | "eu-central-2" | "il-central-1" => "eu-central-1",
        "eu-west-3" | "eu-south-2" => "eu-west-1",
        "ap-northeast-2" | "ap-northeast-3" | "ap-east-1" | "ap-east-2" => "ap-northeast-1",
        "ap-southeast-4" | "ap-southeast-6" => "ap-southeast-2",
        _ => match region.split('-').next().unwrap_or_default() {
            "eu" | "me" | "af" => "eu-central-1",
            "ap" => "ap-southeast-1",
            _ => "us-east-1",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_names_service_and_region() {
        let of = |url: &str| {
            let endpoint = Endpoint::parse(url).unwrap();
            (endpoint.service().to_owned(), endpoint.region().map(str::to_owned))
        };
        let some = |service: &str, region: &str| (service.to_owned(), Some(region.to_owned()));
        assert_eq!(
            of("https://aws-mcp.eu-west-1.api.aws/mcp"),
            some("aws-mcp", "eu-west-1")
        );
        assert_eq!(
            of("https://gw-1.gateway.bedrock-agentcore.us-west-2.amazonaws.com/mcp"),
            some("bedrock-agentcore", "us-west-2")
        );
        assert_eq!(
            of("https://bedrock-agentcore.us-east-1.amazonaws.com/runtimes/x/invocations"),
            some("bedrock-agentcore", "us-east-1")
        );
        assert_eq!(of("https://mcp.example.com/mcp"), ("mcp".to_owned(), None));
        assert_eq!(of("http://127.0.0.1:8000/mcp").1, None);
    }

    #[test]
    fn keys_are_sent_over_https_only() {
        for fine in [
            "https://x.example/mcp",
            "http://localhost:1/mcp",
            "http://127.0.0.1/mcp",
            "http://[::1]:8/mcp",
        ] {
            assert!(Endpoint::parse(fine).is_ok(), "{fine}");
        }
        for (wrong, says) in [
            ("x.example/mcp", "missing URL scheme"),
            ("http://x.example/mcp", "HTTP is not allowed for remote endpoints"),
            ("http://localhost.example.com/mcp", "HTTP is not allowed"),
            ("http://127.0.0.1.example.com/mcp", "HTTP is not allowed"),
            ("ftp://x.example/mcp", "unsupported scheme 'ftp'"),
            ("https:///mcp", ""),
            ("https://user:word@x.example/mcp", "user name or a password"),
        ] {
            let said = Endpoint::parse(wrong).unwrap_err();
            assert!(said.contains(says) && said.contains(wrong), "{said}");
        }
    }

    #[test]
    fn every_region_has_a_nearest_server() {
        assert_eq!(nearest_aws_mcp("eu-west-2"), "eu-west-2");
        assert_eq!(nearest_aws_mcp("eu-north-1"), "eu-central-1");
        assert_eq!(nearest_aws_mcp("sa-east-1"), "us-east-1");
        assert_eq!(nearest_aws_mcp("ap-south-1"), "ap-southeast-1");
        assert_eq!(
            Endpoint::aws_mcp("ca-central-1").url(),
            "https://aws-mcp.us-east-1.api.aws/mcp"
        );
        let parsed = Endpoint::parse(Endpoint::aws_mcp("us-west-1").url()).unwrap();
        assert_eq!(parsed, Endpoint::aws_mcp("us-west-1"));
    }
}

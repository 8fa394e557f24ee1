//! The ARN of an AgentCore runtime: one that exists as a value is well-formed.

use std::{fmt, str::FromStr};

use crate::config::Region;

/// The ARN of a runtime, or of one of its endpoints. It becomes part of a host's name, a path and a policy, so nothing else may pass.
///
/// Source: AgentCore's API, `AgentRuntimeArn`, `AgentRuntimeEndpointArn` and `AgentRuntimeId`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentArn {
    runtime: String,
    region: Region,
    qualifier: Option<String>,
}

impl AgentArn {
    /// The runtime's own ARN, without an endpoint.
    pub fn runtime(&self) -> &str {
        &self.runtime
    }

    /// The runtime's id, `NAME-ID`.
    pub fn id(&self) -> &str {
        self.runtime.rsplit('/').next().unwrap_or_default()
    }

    /// The region that it is in.
    pub fn region(&self) -> Region {
        self.region
    }

    /// The endpoint that the ARN names, if it is an endpoint's.
    pub fn qualifier(&self) -> Option<&str> {
        self.qualifier.as_deref()
    }

    /// The host that answers for it.
    pub fn host(&self) -> String {
        let suffix = match self.region.partition() {
            "aws-cn" => "amazonaws.com.cn",
            _ => "amazonaws.com",
        };
        format!("bedrock-agentcore.{}.{suffix}", self.region)
    }
}

impl FromStr for AgentArn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RIGHT: &str = "expected the ARN of an AgentCore runtime such as \
            arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/my_agent-a1b2c3d4e5, or of one of its endpoints \
            (…/runtime-endpoint/NAME)";
        let wrong = |why: &str| format!("{RIGHT}: {why}");
        let parts: Vec<&str> = text.split(':').collect();
        let &["arn", partition, service, region, account, resource] = parts.as_slice() else {
            return Err(wrong("it has not the six parts of an ARN"));
        };
        if service != "bedrock-agentcore" {
            return Err(wrong("its service is not bedrock-agentcore"));
        }
        let region: Region = region.parse().map_err(|e: String| wrong(&e))?;
        if region.partition() != partition {
            return Err(wrong(&format!("{region} is in the partition `{}`", region.partition())));
        }
        if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong("an account id has exactly 12 digits"));
        }
        let resource: Vec<&str> = resource.split('/').collect();
        let (id, endpoint) = match resource.as_slice() {
            ["runtime", id] => (id, None),
            ["runtime", id, "runtime-endpoint", name] => (id, Some(qualifier(name).map_err(|e| wrong(&e))?)),
            _ => return Err(wrong("it names no runtime")),
        };
        let (name, unique) = id
            .rsplit_once('-')
            .ok_or_else(|| wrong("a runtime's id is NAME-ID, with ten characters after the `-`"))?;
        let alphanumeric = |s: &str| s.bytes().all(|b| b.is_ascii_alphanumeric());
        if !identifier(name, 100) || unique.len() != 10 || !alphanumeric(unique) {
            return Err(wrong("a runtime's id is NAME-ID, with ten characters after the `-`"));
        }
        Ok(Self {
            runtime: format!("arn:{partition}:{service}:{region}:{account}:runtime/{id}"),
            region,
            qualifier: endpoint,
        })
    }
}

impl fmt::Display for AgentArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.runtime)
    }
}

/// The name of a runtime's endpoint. Source: AgentCore's API, `EndpointName`.
///
/// # Errors
/// What would be right.
pub fn qualifier(text: &str) -> Result<String, String> {
    if identifier(text, 48) {
        Ok(text.to_owned())
    } else {
        Err(
            "expected the name of a runtime's endpoint such as DEFAULT: a letter, then up to 47 letters, digits and _"
                .to_owned(),
        )
    }
}

fn identifier(text: &str, longest: usize) -> bool {
    text.len() <= longest
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arn_names_region_host_and_endpoint() {
        let of = |text: &str| text.parse::<AgentArn>().unwrap();
        let plain = of("arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/my_agent-a1B2c3D4e5");
        assert_eq!(plain.host(), "bedrock-agentcore.eu-west-1.amazonaws.com");
        assert_eq!((plain.id(), plain.qualifier()), ("my_agent-a1B2c3D4e5", None));
        let endpoint =
            of("arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/my_agent-a1B2c3D4e5/runtime-endpoint/prod");
        assert_eq!(endpoint.runtime(), plain.runtime());
        assert_eq!(endpoint.qualifier(), Some("prod"));
        let china = of("arn:aws-cn:bedrock-agentcore:cn-north-1:123456789012:runtime/x-a1b2c3d4e5");
        assert_eq!(china.host(), "bedrock-agentcore.cn-north-1.amazonaws.com.cn");
        let government = of("arn:aws-us-gov:bedrock-agentcore:us-gov-west-1:123456789012:runtime/x-a1b2c3d4e5");
        assert_eq!(government.host(), "bedrock-agentcore.us-gov-west-1.amazonaws.com");
    }

    #[test]
    fn nothing_else_passes() {
        for wrong in [
            "",
            "my_agent-a1b2c3d4e5",
            "arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/",
            "arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/example",
            "arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/x-short",
            "arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/1x-a1b2c3d4e5",
            "arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/x-a1b2c3d4e5/",
            "arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/x-a1b2c3d4e5/runtime-endpoint/",
            "arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/x-a1b2c3d4e5/runtime-endpoint/a?b",
            "arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/x-a1b2c3d4e5/x",
            "arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/*-a1b2c3d4e5",
            "arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/x-a1b2c3d4e5\n",
            "arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/x-a1b2c3d4e5?x=y",
            "arn:aws:bedrock-agentcore:eu-west-1:12345678901:runtime/x-a1b2c3d4e5",
            "arn:aws:bedrock-agentcore:eu-west-1.evil.example/:123456789012:runtime/x-a1b2c3d4e5",
            "arn:aws:bedrock-agentcore:cn-north-1:123456789012:runtime/x-a1b2c3d4e5",
            "arn:aws-cn:bedrock-agentcore:eu-west-1:123456789012:runtime/x-a1b2c3d4e5",
            "arn:aws-evil:bedrock-agentcore:eu-west-1:123456789012:runtime/x-a1b2c3d4e5",
            "arn:aws:bedrock-agentcore:eu-west-1:123456789012:gateway/x-a1b2c3d4e5",
            "arn:aws:bedrock:eu-west-1:123456789012:runtime/x-a1b2c3d4e5",
        ] {
            let said = wrong.parse::<AgentArn>().unwrap_err();
            assert!(said.contains("such as arn:aws:bedrock-agentcore"), "{wrong}: {said}");
        }
        let typo = "arn:aws:bedrock-agentcore:us-esat-1:123456789012:runtime/x-a1b2c3d4e5";
        assert!(
            typo.parse::<AgentArn>()
                .unwrap_err()
                .contains("did you mean `us-east-1`?")
        );
        for wrong in ["", "1x", "a-b", "a/b", &"x".repeat(49)] {
            assert!(qualifier(wrong).is_err(), "{wrong}");
        }
    }
}

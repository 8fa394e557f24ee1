//! From a profile to a client that signs with it.

use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, header};
use rmcp::model::{Implementation, JsonObject};
use serde_json::Value;

use crate::upstream::{Endpoint, Keys, Sender, SignedClient};

use super::Trouble;

/// Makes signed clients.
pub trait Dial: Send + Sync + 'static {
    /// The client for a profile; `None` is the default credentials. `caller` is who the User-Agent names.
    fn client<'a>(
        &'a self,
        profile: Option<&'a str>,
        caller: Option<&'a Implementation>,
    ) -> BoxFuture<'a, Result<SignedClient, Trouble>>;
}

/// Where the backend is to act for a profile: the profile's region, if it names one.
pub type RegionOf = Box<dyn Fn(Option<String>) -> BoxFuture<'static, Result<Option<String>, String>> + Send + Sync>;
/// A profile's keys.
pub type KeysOf = Box<dyn Fn(Option<&str>) -> Result<Keys, String> + Send + Sync>;

/// Makes signed clients of one endpoint.
pub struct Dialler {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Over which requests go; its keys are replaced by the profile's.
    pub sender: Sender,
    /// A profile's keys.
    pub keys: KeysOf,
    /// A profile's region.
    pub region: RegionOf,
    /// `AWS_REGION`, where the profile names none.
    pub environment_region: Option<String>,
    /// What the user wants in every `_meta`.
    pub metadata: JsonObject,
    /// What the user wants in every request's headers.
    pub headers: HeaderMap,
    /// Whether the User-Agent names the client.
    pub telemetry: bool,
}

impl Dialler {
    async fn make(&self, profile: Option<&str>, caller: Option<&Implementation>) -> Result<SignedClient, Trouble> {
        let keys = (self.keys)(profile).map_err(Trouble::Setting)?;
        let region = (self.region)(profile.map(str::to_owned))
            .await
            .map_err(Trouble::Setting)?;
        let region = region
            .or_else(|| self.environment_region.clone())
            .or_else(|| self.endpoint.region().map(str::to_owned));
        let mut metadata = JsonObject::new();
        match region {
            Some(region) => drop(metadata.insert("AWS_REGION".to_owned(), Value::String(region))),
            None if self.metadata.contains_key("AWS_REGION") => {}
            None => {
                return Err(Trouble::Setting(format!(
                    "Could not determine AWS region from endpoint '{}', AWS configuration, or environment. \
                     Please configure a region via AWS_REGION or your AWS profile.",
                    self.endpoint.url()
                )));
            }
        }
        metadata.extend(self.metadata.clone());
        let mut headers = self.headers.clone();
        let agent = user_agent(caller.filter(|_| self.telemetry));
        headers.entry(header::USER_AGENT).or_insert(agent);
        let sender = self.sender.clone().with_keys(keys);
        Ok(SignedClient::new(sender).with_headers(headers).with_metadata(metadata))
    }
}

impl Dial for Dialler {
    fn client<'a>(
        &'a self,
        profile: Option<&'a str>,
        caller: Option<&'a Implementation>,
    ) -> BoxFuture<'a, Result<SignedClient, Trouble>> {
        Box::pin(self.make(profile, caller))
    }
}

/// This program, and the client behind it in the form that mcp-proxy-for-aws gives it.
fn user_agent(caller: Option<&Implementation>) -> HeaderValue {
    let own = concat!("aws-ops-mcp/", env!("CARGO_PKG_VERSION"));
    let clean = |text: &str| -> String {
        let joined = text.chars().map(|c| if matches!(c, ' ' | '/') { '-' } else { c });
        joined.filter(char::is_ascii_graphic).collect()
    };
    let whole = match caller {
        Some(client) => format!(
            "{own} {}/{}",
            clean(&client.name.to_lowercase()),
            clean(&client.version)
        ),
        None => own.to_owned(),
    };
    HeaderValue::from_str(&whole).unwrap_or(HeaderValue::from_static(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_agent_names_the_client() {
        let of = |name: &str, version: &str| user_agent(Some(&Implementation::new(name, version)));
        let own = concat!("aws-ops-mcp/", env!("CARGO_PKG_VERSION"));
        assert_eq!(
            of("Claude Code/x", "1.2 β\n"),
            format!("{own} claude-code-x/1.2-").as_str()
        );
        assert_eq!(user_agent(None), own);
    }
}

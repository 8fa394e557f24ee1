//! Cloud Control API: any resource type, by one set of operations.

mod model;
mod summary;
mod update;

use std::collections::BTreeMap;

use aws_sdk_cloudcontrol::Client;
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ops::{
    Access, Declare, Json, OpError, Ops, Page, Reply, declare, ok,
    resource_types::{ResourceType, did_you_mean},
    without_secrets,
};

use model::{compact, model_of};
use summary::Facts;
use update::{UpdateResource, Updated};

/// How many a list holds when the call wants nothing but the count.
const EVERY: u32 = 10_000;

/// Arguments of `list_resources`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListResources {
    /// Vendor::Service::Type, as in CloudFormation
    type_name: String,
    /// The parent, where the type needs one: {"ClusterName": "web"}
    resource_model: Option<Map<String, Value>>,
    /// No list
    #[serde(default)]
    count_only: bool,
    /// At most this many (default 1000, at most 10000)
    max_results: Option<u32>,
    /// Cursor of the previous answer
    next_token: Option<String>,
}

/// Answer of `list_resources`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ResourceList {
    type_name: String,
    /// Those of this answer; with next_token there are more
    count: usize,
    /// How many have each state, engine, version
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    counts: BTreeMap<String, BTreeMap<String, usize>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<Vec<Listed>>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One resource of a list.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Listed {
    identifier: String,
    /// Absent where AWS lists the identifier alone
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Value>,
    #[serde(skip)]
    facts: Facts,
}

/// Arguments of `get_resource`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetResource {
    type_name: String,
    /// As list_resources shows it; parts joined by |
    identifier: String,
}

/// Answer of `get_resource`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Resource {
    type_name: String,
    identifier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
    properties: Value,
}

/// Arguments of `get_resource_request_status`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetResourceRequestStatus {
    request_token: String,
}

#[tool_router(router = cloud_control_tools, vis = "pub(crate)")]
impl Ops {
    /// Lists and counts resources of any type: RDS, EKS, Lambda, VPCs, load balancers, … Use a service's own tool where there is one. Example: {"accounts": ["all"], "type_name": "AWS::RDS::DBInstance"}
    #[tool(meta = declare(Access::Read, &["cloudformation:ListResources"]).broadly())]
    async fn list_resources(
        &self,
        Parameters(input): Parameters<ListResources>,
    ) -> Result<Json<Reply<ResourceList>>, OpError> {
        let type_name = checked(&input.type_name)?;
        let client = self.client(Client::new)?;
        let parent = input.resource_model.map(|model| Value::Object(model).to_string());
        let page = |token, size| {
            let request = client
                .list_resources()
                .type_name(&type_name)
                .set_resource_model(parent.clone());
            let (type_name, listed) = (&type_name, !input.count_only);
            async move {
                let answer = request.set_next_token(token).max_results(size).send().await;
                let answer = answer.map_err(|e| explained(e.into(), type_name))?;
                let items = answer
                    .resource_descriptions
                    .unwrap_or_default()
                    .into_iter()
                    .map(|resource| {
                        let identifier = resource.identifier.unwrap_or_default();
                        let model = model_of(resource.properties.as_deref());
                        Listed {
                            facts: Facts::of(&model),
                            properties: compact(without_secrets("", &model), &identifier).filter(|_| listed),
                            identifier,
                        }
                    });
                Ok(Page {
                    items: items.collect(),
                    next: answer.next_token.filter(|t| !t.is_empty()),
                })
            }
        };
        let wanted = input.max_results.or(input.count_only.then_some(EVERY));
        let Page { items, next } = self.pager(wanted, input.next_token).collect(100, page).await?;
        ok(ResourceList {
            count: items.len(),
            counts: summary::counts(items.iter().map(|item| &item.facts)),
            resources: (!input.count_only).then_some(items),
            next_token: next,
            type_name,
        })
    }

    /// Shows one resource of any type with all its properties. Example: {"account": "production", "type_name": "AWS::Lambda::Function", "identifier": "checkout-api"}
    #[tool(meta = declare(Access::Read, &["cloudformation:GetResource"]).broadly())]
    async fn get_resource(&self, Parameters(input): Parameters<GetResource>) -> Result<Json<Reply<Resource>>, OpError> {
        let type_name = checked(&input.type_name)?;
        let (identifier, model) = self.model(&type_name, &input.identifier).await?;
        let properties = without_secrets("", &model);
        ok(Resource {
            type_name,
            identifier,
            note: (properties != model).then_some(
                "(hidden) stands for what may be secret: passwords, keys, tokens, user data, values of environment variables.",
            ),
            properties,
        })
    }

    /// Changes one resource's properties by a JSON Patch and waits for the outcome. Some properties replace the resource: send dry_run first, which only shows the difference. Example: {"account": "staging", "type_name": "AWS::SQS::Queue", "identifier": "https://sqs.us-east-1.amazonaws.com/333333333333/emails", "patch": [{"op": "replace", "path": "/VisibilityTimeout", "value": 60}], "dry_run": true}
    // Not idempotent: repeated without its token, it is a second update.
    #[tool(meta = declare(Access::Destroy, update::ACTIONS).anywhere(update::ACTIONS).with_service_of("type_name"))]
    async fn update_resource(
        &self,
        Parameters(input): Parameters<UpdateResource>,
    ) -> Result<Json<Reply<Updated>>, OpError> {
        let type_name = checked(&input.type_name)?;
        ok(update::run(self, type_name, input).await?)
    }

    /// Tells how far an update_resource has got that was still in progress. Example: {"account": "staging", "request_token": "…"}
    #[tool(meta = declare(Access::Read, &["cloudformation:GetResourceRequestStatus"]).broadly())]
    async fn get_resource_request_status(
        &self,
        Parameters(input): Parameters<GetResourceRequestStatus>,
    ) -> Result<Json<Reply<update::Progress>>, OpError> {
        ok(update::progress(self, &input.request_token).await?)
    }

    /// A resource's identifier and its properties as they are now.
    async fn model(&self, type_name: &str, identifier: &str) -> Result<(String, Value), OpError> {
        let request = self.client(Client::new)?.get_resource().type_name(type_name);
        let answer = request.identifier(identifier).send().await;
        let answer = answer.map_err(|e| explained(e.into(), type_name))?;
        let found = answer
            .resource_description
            .unwrap_or_else(|| aws_sdk_cloudcontrol::types::ResourceDescription::builder().build());
        let model = model_of(found.properties.as_deref());
        Ok((found.identifier.unwrap_or_else(|| identifier.to_owned()), model))
    }
}

/// A type's name, if it has the form of one.
fn checked(type_name: &str) -> Result<String, OpError> {
    let name = type_name.trim();
    ResourceType::parse(name).map_err(OpError::InvalidInput)?;
    Ok(name.to_owned())
}

/// AWS's error, with what would be right where it is the type that was wrong.
fn explained(error: OpError, type_name: &str) -> OpError {
    let OpError::Aws {
        aws_code,
        message,
        request_id,
        status,
    } = error
    else {
        return error;
    };
    // The list of a type that lives in another one.
    let of_a_list = message.contains("list handler");
    if let Some(key) = message
        .split_once("required key [")
        .filter(|_| of_a_list)
        .and_then(|(_, rest)| Some(rest.split_once(']')?.0))
    {
        return OpError::InvalidInput(format!(
            "{type_name} is listed within a parent: give resource_model, such as {{\"{key}\": \"…\"}}"
        ));
    }
    let more = match aws_code.as_str() {
        "TypeNotFoundException" => did_you_mean(type_name),
        "UnsupportedActionException" => {
            "; Cloud Control can't do this with the type, a tool of the service itself may".to_owned()
        }
        _ => String::new(),
    };
    OpError::Aws {
        message: format!(
            "{}{more}",
            if more.is_empty() {
                &message
            } else {
                message.trim_end_matches('.')
            }
        ),
        aws_code,
        request_id,
        status,
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests;

//! EC2, as far as the tools reach: instances, their disks, their firewalls and their consoles. The emulator's knows no volumes, no
//! dry runs and hardly a filter, so this is our own.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use aws_smithy_types::{DateTime, date_time::Format};
use awsim_core::{AwsError, RequestContext, pagination::paginate};
use axum::http::StatusCode;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{
    authorise::Check,
    value::{set, text},
};

mod filter;

#[cfg(all(test, feature = "ec2"))]
mod tests;

/// What one account has in one region, each thing as EC2 would describe it.
#[derive(Default)]
pub(super) struct Region {
    pub(super) instances: Vec<Value>,
    pub(super) groups: Vec<Value>,
    pub(super) volumes: Vec<Value>,
    /// By instance.
    pub(super) consoles: HashMap<String, String>,
}

#[derive(Default)]
pub(super) struct Ec2(Mutex<HashMap<(String, String), Region>>);

impl Ec2 {
    pub(super) fn insert(&self, account: &str, region: &str, contents: Region) {
        let mut regions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        regions.insert((account.to_owned(), region.to_owned()), contents);
    }

    /// What a request needs: a change, and a look at a console, on each instance that it names.
    pub(super) fn checks(&self, operation: &str, input: &Value, context: &RequestContext) -> Vec<Check> {
        let action = format!("ec2:{operation}");
        if !matches!(
            operation,
            "StartInstances" | "StopInstances" | "RebootInstances" | "GetConsoleOutput"
        ) {
            return vec![Check::new(action, "*")];
        }
        let mut regions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = regions.entry(key(context)).or_default();
        let each = filter::list(input, "InstanceId").into_iter().map(|id| {
            let arn = format!("arn:aws:ec2:{}:{}:instance/{id}", context.region, context.account_id);
            let mut check = Check::new(&action, arn);
            for (name, value) in here
                .instances
                .iter()
                .filter(|i| text(i, "instanceId") == Some(&id))
                .flat_map(filter::tags)
            {
                check = check.with(&format!("aws:ResourceTag/{name}"), Some(value));
                check = check.with(&format!("ec2:ResourceTag/{name}"), Some(value));
            }
            check
        });
        each.collect()
    }

    pub(super) fn handle(&self, operation: &str, input: &Value, context: &RequestContext) -> Result<Value, AwsError> {
        let mut regions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = regions.entry(key(context)).or_default();
        match operation {
            "DescribeInstances" => {
                let (instances, next) = described(&here.instances, input, "InstanceId", "instanceId")?;
                // One instance a reservation, as if each had been launched by itself.
                let reservations = instances.into_iter().map(|instance| {
                    let id = text(&instance, "instanceId").unwrap_or_default().replacen('i', "r", 1);
                    json!({ "reservationId": id, "ownerId": context.account_id, "instancesSet": { "item": [instance] } })
                });
                Ok(page("reservationSet", reservations.collect(), next))
            }
            "DescribeSecurityGroups" => {
                let (groups, next) = described(&here.groups, input, "GroupId", "groupId")?;
                Ok(page("securityGroupInfo", groups, next))
            }
            "DescribeVolumes" => {
                let (volumes, next) = described(&here.volumes, input, "VolumeId", "volumeId")?;
                Ok(page("volumeSet", volumes, next))
            }
            "StartInstances" => here.change(
                input,
                "started",
                &["running", "stopped", "pending"],
                ("pending", "running"),
            ),
            "StopInstances" => here.change(
                input,
                "stopped",
                &["running", "stopped", "stopping"],
                ("stopping", "stopped"),
            ),
            "RebootInstances" => {
                here.change(input, "rebooted", &["running"], ("running", "running"))?;
                Ok(json!({ "return": true }))
            }
            "GetConsoleOutput" => {
                let id = text(input, "InstanceId").unwrap_or_default();
                here.find(id)?;
                let output = here.consoles.get(id).map(|text| BASE64_STANDARD.encode(text));
                let mut answer = json!({ "instanceId": id, "timestamp": iso(SystemTime::now()) });
                if let Some(output) = output {
                    set(&mut answer, "output", output);
                }
                Ok(answer)
            }
            _ => Err(AwsError::bad_request(
                "InvalidAction",
                format!("The action {operation} is not valid for this web service."),
            )),
        }
    }
}

impl Region {
    fn find(&self, id: &str) -> Result<usize, AwsError> {
        if !id
            .strip_prefix("i-")
            .is_some_and(|hex| hex.chars().all(|c| c.is_ascii_hexdigit()))
        {
            return Err(AwsError::bad_request(
                "InvalidInstanceID.Malformed",
                format!("Invalid id: \"{id}\""),
            ));
        }
        let found = self.instances.iter().position(|i| text(i, "instanceId") == Some(id));
        found.ok_or_else(|| {
            absent(
                "InvalidInstanceID.NotFound",
                format!("The instance ID '{id}' does not exist"),
            )
        })
    }

    /// Takes all of the instances to another state, or none. A dry run looks for them, but not at their state.
    fn change(
        &mut self,
        input: &Value,
        done: &str,
        from: &[&str],
        (shown, to): (&str, &str),
    ) -> Result<Value, AwsError> {
        let ids = filter::list(input, "InstanceId");
        let found = ids.iter().map(|id| self.find(id)).collect::<Result<Vec<usize>, _>>()?;
        if text(input, "DryRun") == Some("true") {
            let mut would = AwsError::bad_request(
                "DryRunOperation",
                "Request would have succeeded, but DryRun flag is set.",
            );
            would.status = StatusCode::PRECONDITION_FAILED;
            return Err(would);
        }
        let now = SystemTime::now();
        let mut chosen: Vec<(usize, String)> = Vec::new();
        for (id, at) in ids.iter().zip(found) {
            let state = self
                .instances
                .get(at)
                .and_then(|i| i.pointer("/instanceState/name")?.as_str());
            let state = state.unwrap_or_default().to_owned();
            if !from.contains(&state.as_str()) {
                return Err(AwsError::bad_request(
                    "IncorrectInstanceState",
                    format!("The instance '{id}' is not in a state from which it can be {done}."),
                ));
            }
            chosen.push((at, state));
        }
        let mut changes = Vec::new();
        for (at, before) in chosen {
            let Some(instance) = self.instances.get_mut(at) else {
                continue;
            };
            // Where it already is, nothing happens.
            let current = if before == to { to } else { shown };
            if before != to {
                set(instance, "instanceState", state(to));
                let (reason, launched) = if to == "stopped" {
                    (
                        format!(
                            "User initiated ({} GMT)",
                            iso(now).replace('T', " ").trim_end_matches('Z')
                        ),
                        None,
                    )
                } else {
                    (String::new(), Some(iso(now)))
                };
                set(instance, "reason", reason);
                if let Some(launched) = launched {
                    set(instance, "launchTime", launched);
                }
            }
            let id = instance.get("instanceId").cloned().unwrap_or_default();
            changes.push(json!({ "instanceId": id, "currentState": state(current), "previousState": state(&before) }));
        }
        Ok(json!({ "instancesSet": { "item": changes } }))
    }
}

/// A state as EC2 writes it.
pub(super) fn state(name: &str) -> Value {
    let code = match name {
        "running" => 16,
        "shutting-down" => 32,
        "terminated" => 48,
        "stopping" => 64,
        "stopped" => 80,
        _ => 0,
    };
    json!({ "code": code, "name": name })
}

pub(super) fn iso(time: SystemTime) -> String {
    let whole = DateTime::from_secs(DateTime::from(time).secs());
    whole.fmt(Format::DateTime).unwrap_or_default()
}

fn key(context: &RequestContext) -> (String, String) {
    (context.account_id.clone(), context.region.clone())
}

fn absent(code: &str, message: String) -> AwsError {
    AwsError::bad_request(code, message)
}

/// The things that a request asks for, and where the rest begins.
fn described(things: &[Value], input: &Value, ids: &str, id: &str) -> Result<(Vec<Value>, Option<String>), AwsError> {
    let ids = filter::list(input, ids);
    let size = text(input, "MaxResults").and_then(|n| n.parse::<usize>().ok());
    if let (Some(_), false) = (size, ids.is_empty()) {
        return Err(AwsError::bad_request(
            "InvalidParameterCombination",
            "The parameter maxResults cannot be used with the ids that are asked for.",
        ));
    }
    if let Some(size) = size.filter(|size| !(5..=1000).contains(size)) {
        let text = format!("Value ( {size} ) for parameter maxResults is invalid. Expecting a value greater than 5.");
        return Err(AwsError::bad_request("InvalidParameterValue", text));
    }
    for wanted in &ids {
        if !things.iter().any(|thing| text(thing, id) == Some(wanted)) {
            let (code, what) = match id {
                "instanceId" => ("InvalidInstanceID.NotFound", "instance ID"),
                "groupId" => ("InvalidGroup.NotFound", "security group"),
                _ => ("InvalidVolume.NotFound", "volume"),
            };
            return Err(absent(code, format!("The {what} '{wanted}' does not exist")));
        }
    }
    let mut found = Vec::new();
    for thing in things {
        let named = ids.is_empty() || text(thing, id).is_some_and(|id| ids.iter().any(|wanted| wanted == id));
        if named && filter::matches(thing, input)? {
            found.push(thing.clone());
        }
    }
    found.sort_by(|a, b| text(a, id).cmp(&text(b, id)));
    let page = paginate(found, size.unwrap_or(1000), text(input, "NextToken"), |thing| {
        text(thing, id).unwrap_or_default().to_owned()
    })?;
    Ok((page.items, page.next_token))
}

fn page(name: &str, items: Vec<Value>, next: Option<String>) -> Value {
    let mut answer = json!({ name: { "item": items } });
    if let Some(next) = next {
        set(&mut answer, "nextToken", next);
    }
    answer
}

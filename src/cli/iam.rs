//! `iam`: the roles and policies that the server needs, from the tools' declarations and the registry.

mod arguments;
mod cloudformation;
mod documents;
mod place;
mod terraform;

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use crate::{
    aws::{Account, Accounts, Kind, RoleArn, registry},
    config::{AccountVariables, AwsConfig, Region, Secret, ToolsConfig},
    server::{Catalogue, CatalogueOptions},
};

use super::print;
use cloudformation::Defaults;
use documents::{ServiceAccount, Trust};
use place::{Place, place_of, registered};

/// Name of the base role where `--base-role-arn` gives none.
const BASE_ROLE: &str = "aws-ops-base";

/// Arguments of `iam`.
#[derive(Debug, Args)]
pub(super) struct Iam {
    /// `json`: bare policy documents; the others: roles and policies, ready to apply
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    format: Format,

    /// Which part; without it everything as json, the target role as cloudformation or terraform
    #[arg(long, value_name = "PART")]
    part: Option<Part>,

    /// The account whose target role is meant: a registered one's name or id, or any 12-digit id
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,

    /// The role that the server runs as, which the target roles trust
    #[arg(long, value_name = "ARN", value_parser = |text: &str| text.parse::<RoleArn>())]
    base_role_arn: Option<RoleArn>,

    /// Trust the base role only as a member of this organization
    #[arg(long, value_name = "o-…", value_parser = arguments::org_id)]
    org_id: Option<String>,

    /// Customer-managed KMS keys of secrets and objects that the target role may use, each through its service only
    #[arg(long, value_name = "ARN,…", value_delimiter = ',', value_parser = arguments::kms_key)]
    kms_key: Vec<String>,

    /// The cluster's OIDC provider, for IRSA: its issuer URL or its ARN
    #[arg(long, value_name = "URL|ARN", value_parser = arguments::oidc_provider)]
    oidc_provider: Option<String>,

    /// The Kubernetes service account that the server runs under
    #[arg(long, value_name = "NAMESPACE:NAME", value_parser = arguments::service_account)]
    service_account: Option<ServiceAccount>,

    #[command(flatten)]
    tools: ToolsConfig,

    #[command(flatten)]
    aws: AwsConfig,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Policy documents.
    Json,
    /// A template, in JSON.
    Cloudformation,
    /// HCL.
    Terraform,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What the target role may do.
    TargetPolicy,
    /// Who may assume the target role.
    TargetTrust,
    /// What the base role may do.
    BasePolicy,
    /// Who may assume the base role: a service account, through IRSA.
    IrsaTrust,
    /// Who may assume the base role: a service account, through EKS Pod Identity.
    PodIdentityTrust,
    /// The template of the target role, for a service-managed StackSet.
    Stackset,
    /// All of it (json).
    All,
}

impl Iam {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let options = CatalogueOptions {
            profiles: true.into(),
            tools: self.tools.clone(),
        };
        let catalogue = Catalogue::new(options).map_err(|e| anyhow!(e))?;
        let accounts = registry::load(&self.aws, &AccountVariables::from_environment())?;
        let text = self.text(&catalogue, &accounts)?;
        if let (Format::Json, Some(Part::TargetPolicy), Some(note)) =
            (self.format, self.part, documents::besides(&catalogue))
        {
            // A policy has no room for a word beside its statements.
            tracing::warn!("{note}");
        }
        print(&text)
    }

    fn text(&self, catalogue: &Catalogue, accounts: &Accounts) -> Result<String> {
        let part = self.part.unwrap_or(match self.format {
            Format::Json => Part::All,
            Format::Cloudformation | Format::Terraform => Part::Stackset,
        });
        match self.format {
            Format::Json => pretty(&self.json(part, catalogue, accounts)?),
            Format::Cloudformation => pretty(&self.cloudformation(part, catalogue, accounts)?),
            Format::Terraform => self.terraform(part, catalogue, accounts),
        }
    }

    fn json(&self, part: Part, catalogue: &Catalogue, accounts: &Accounts) -> Result<Value> {
        Ok(match part {
            Part::TargetPolicy => one_or_all(self.target_policy(catalogue, accounts, &self.place(accounts)?)?),
            Part::TargetTrust => self.target_trust(&self.place(accounts)?)?,
            Part::BasePolicy => one_or_all(self.base_policies(accounts)?),
            Part::IrsaTrust => self.irsa_trust(accounts)?,
            Part::PodIdentityTrust => documents::pod_identity_trust(self.service_account.as_ref()),
            Part::Stackset => self.cloudformation(part, catalogue, accounts)?,
            Part::All => {
                let places = match &self.account {
                    Some(_) => vec![self.place(accounts)?],
                    None => registered(accounts),
                };
                let mut targets = Map::new();
                for place in &places {
                    let target = json!({
                        "role_arn": place.role,
                        "policies": self.target_policy(catalogue, accounts, place)?,
                        "trust": self.target_trust(place)?,
                    });
                    targets.insert(place.name.clone(), target);
                }
                let mut base = json!({
                    "role_arn": self.base_role_arn,
                    "policies": self.base_policies(accounts)?,
                    "pod_identity_trust": documents::pod_identity_trust(self.service_account.as_ref()),
                });
                if let (Some(base), Some(_)) = (base.as_object_mut(), &self.oidc_provider) {
                    base.insert("irsa_trust".to_owned(), self.irsa_trust(accounts)?);
                }
                let mut all = json!({ "targets": targets, "base": base });
                if let (Some(all), Some(note)) = (all.as_object_mut(), documents::besides(catalogue)) {
                    all.insert("note".to_owned(), json!(note));
                }
                all
            }
        })
    }

    fn cloudformation(&self, part: Part, catalogue: &Catalogue, accounts: &Accounts) -> Result<Value> {
        let target = |shape: &dyn Fn(&[Value]) -> Result<Value>| -> Result<Value> {
            let policies = documents::target_policies(
                catalogue,
                cloudformation::PARTITION,
                cloudformation::ACCOUNT,
                documents::keys(catalogue, &self.kms_key),
            )?;
            let mut template = shape(&policies)?;
            if let (Some(template), Some(note)) = (template.as_object_mut(), documents::besides(catalogue)) {
                template.insert("Metadata".to_owned(), json!({ "Note": note }));
            }
            Ok(template)
        };
        let what = "What the enabled tools of aws-ops-mcp need in this account";
        let base = |trust| -> Result<Value> {
            let policies = self.base_policies(accounts)?;
            Ok(cloudformation::base_role(self.base_role(), &policies, trust))
        };
        match part {
            Part::TargetPolicy => target(&|p| Ok(cloudformation::policies("TargetPolicy", what, needed(p)?))),
            Part::TargetTrust | Part::Stackset => {
                let place = self.chosen(accounts)?;
                target(&|p| Ok(cloudformation::target_role(p, &self.defaults(place.as_ref()))))
            }
            Part::BasePolicy => {
                let what = "What the role of aws-ops-mcp may do: assume the target roles";
                Ok(cloudformation::policies(
                    "BasePolicy",
                    what,
                    &self.base_policies(accounts)?,
                ))
            }
            Part::IrsaTrust => base(self.irsa_trust(accounts)?),
            Part::PodIdentityTrust => base(documents::pod_identity_trust(self.service_account.as_ref())),
            Part::All => bail!(not_in_one_place("cloudformation")),
        }
    }

    fn terraform(&self, part: Part, catalogue: &Catalogue, accounts: &Accounts) -> Result<String> {
        let note = documents::besides(catalogue).map_or_else(String::new, |note| format!("# {note}\n\n"));
        let place = self.chosen(accounts)?;
        let account = place.as_ref().map(|p| p.role.account().as_str());
        let keys = documents::keys(catalogue, &self.kms_key);
        let policies = || documents::target_policies(catalogue, self.partition(), terraform::ACCOUNT, keys.clone());
        let base = |trust| -> Result<String> {
            Ok(terraform::base_role(
                self.base_role(),
                &self.base_policies(accounts)?,
                &trust,
            ))
        };
        match part {
            Part::TargetPolicy => {
                let name = &self.aws.target_role_name;
                let policies = policies()?;
                let text = terraform::target_policies(needed(&policies)?, account, name);
                Ok(format!("{note}{text}"))
            }
            Part::TargetTrust | Part::Stackset => {
                let text = terraform::target_role(&policies()?, account, &self.defaults(place.as_ref()));
                Ok(format!("{note}{text}"))
            }
            Part::BasePolicy => Ok(terraform::policies("base", BASE_ROLE, &self.base_policies(accounts)?)),
            Part::IrsaTrust => base(self.irsa_trust(accounts)?),
            Part::PodIdentityTrust => base(documents::pod_identity_trust(self.service_account.as_ref())),
            Part::All => bail!(not_in_one_place("terraform")),
        }
    }

    fn target_policy(&self, catalogue: &Catalogue, accounts: &Accounts, place: &Place) -> Result<Vec<Value>> {
        let mut besides = documents::keys(catalogue, &self.kms_key);
        let lister = self.lister(accounts)?.and_then(|account| place_of(accounts, &account));
        if lister.is_some_and(|lister| lister.role == place.role) {
            besides.push(documents::list_accounts());
        }
        let account = place.role.account().as_str();
        documents::target_policies(catalogue, place.role.partition(), account, besides)
    }

    /// The account through which the organization's accounts are listed.
    fn lister(&self, accounts: &Accounts) -> Result<Option<Arc<Account>>> {
        let find = |name: &String| accounts.find(name).map_err(|e| anyhow!("ORGANIZATIONS_ACCOUNT: {e}"));
        self.aws.organizations_account.as_ref().map(find).transpose()
    }

    fn target_trust(&self, place: &Place) -> Result<Value> {
        let base = self
            .base_role_arn
            .as_ref()
            .context("--base-role-arn is missing: which role does the server run as?")?;
        Ok(documents::target_trust(&Trust {
            base: json!(base),
            external_id: place.external_id.as_ref().map(|id| json!(id.expose())),
            org_id: self.org_id.as_ref().map(|id| json!(id)),
        }))
    }

    /// The roles of the registry and of the organization, and those that `ALLOWED_ROLE_ARNS` spells out. Its patterns are left to the reader: IAM's `*`
    /// would reach further than ours.
    fn base_policies(&self, accounts: &Accounts) -> Result<Vec<Value>> {
        let mut roles: Vec<String> = registered(accounts).iter().map(|p| p.role.to_string()).collect();
        for role in &self.aws.allowed_role_arns {
            if role.contains('*') {
                tracing::warn!(%role, "ALLOWED_ROLE_ARNS: a pattern is left out of the base role's policy; add the roles that you mean");
            } else {
                roles.push(role.clone());
            }
        }
        roles.sort();
        roles.dedup();
        let mut besides = Vec::new();
        if let Some(lister) = self.lister(accounts)? {
            let org_id = self.org_id.as_ref().context("--org-id is missing: ORGANIZATIONS_ACCOUNT adds every account of the organization, which the base role's policy must name")?;
            let role_name = &self.aws.target_role_name;
            besides.push(documents::assume_in_organization(self.partition(), role_name, org_id));
            // Without a role or a profile, the base identity itself lists them.
            if lister.profile.is_none() && accounts.role_of(&lister).is_none() {
                besides.push(documents::list_accounts());
            }
        } else if roles.is_empty() {
            bail!(
                "no account with a role is registered: set ACCOUNT_REGISTRY (--account-registry) or ACCOUNT_<NAME>_ROLE_ARN"
            );
        }
        Ok(documents::base_policies(&roles, besides))
    }

    fn irsa_trust(&self, accounts: &Accounts) -> Result<Value> {
        let provider = self
            .oidc_provider
            .as_ref()
            .context("--oidc-provider is missing: the cluster's issuer URL, or the ARN of its provider")?;
        let service_account = self.service_account.as_ref().context(
            "--service-account is missing: NAMESPACE:NAME of the service account that the server runs under",
        )?;
        let provider = if provider.starts_with("arn:") {
            provider.clone()
        } else {
            let central = accounts.all().find(|a| a.kind == Kind::Central);
            let account = self
                .base_role_arn
                .as_ref()
                .map(RoleArn::account)
                .or_else(|| central.and_then(|a| a.id.as_ref()))
                .context("--base-role-arn is missing: which account is the OIDC provider in?")?;
            format!("arn:{}:iam::{account}:oidc-provider/{provider}", self.partition())
        };
        Ok(documents::irsa_trust(&provider, service_account))
    }

    fn defaults<'a>(&'a self, place: Option<&'a Place>) -> Defaults<'a> {
        Defaults {
            base_role_arn: self.base_role_arn.as_ref().map(RoleArn::as_str),
            external_id: place.and_then(|p| p.external_id.as_ref()).map(Secret::expose),
            org_id: self.org_id.as_deref(),
            role_name: place.map_or(self.aws.target_role_name.as_str(), |p| p.role.path_and_name()),
        }
    }

    fn base_role(&self) -> &str {
        self.base_role_arn.as_ref().map_or(BASE_ROLE, RoleArn::path_and_name)
    }

    fn partition(&self) -> &'static str {
        self.aws.region.unwrap_or(Region::DEFAULT).partition()
    }
}

fn needed(policies: &[Value]) -> Result<&[Value]> {
    if policies.is_empty() {
        bail!("the enabled tools need no permission, so there is no policy");
    }
    Ok(policies)
}

/// One document as it is, several as a list.
fn one_or_all(mut documents: Vec<Value>) -> Value {
    match (documents.pop(), documents.is_empty()) {
        (Some(only), true) => only,
        (last, _) => documents.into_iter().chain(last).collect(),
    }
}

fn not_in_one_place(format: &str) -> String {
    format!(
        "--part all is one document only as json: the target role and the base role go into different accounts. Print them one by one: --format {format} --part stackset, then --part irsa-trust or --part pod-identity-trust"
    )
}

fn pretty(value: &Value) -> Result<String> {
    Ok(format!("{}\n", serde_json::to_string_pretty(value)?))
}

#[cfg(test)]
mod tests;

//! A role whose policy a test may change, in the sandbox or in the other emulator.

use http::Method;
use serde_json::{Value, json};

use super::{
    client::Client,
    unique,
    world::{MANAGEMENT_ROLE, World, emulator_endpoint, registered},
};
use crate::every_tool::Step;

/// The account that the role is in.
pub(crate) const ACCOUNT: &str = "444444444444";

/// The management account.
const MANAGEMENT: &str = "111111111111";

/// The roles, and the server that reaches `development` by the one and the management account by the other.
pub(crate) struct Proof {
    pub(crate) world: World,
    role: String,
    /// The role in the management account.
    management: String,
    emulator: Option<Admin>,
}

impl Proof {
    pub(crate) async fn new() -> Self {
        let Some(endpoint) = emulator_endpoint() else {
            let world = World::new().await;
            let role = "aws-ops-target".to_owned();
            let management = name_of(MANAGEMENT_ROLE);
            let emulator = None;
            // What `iam` says besides its policies: Cloud Control asks the services in the role's name.
            let services = json!({ "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Action": ["rds:Describe*", "sqs:*"], "Resource": "*",
            }]});
            let put = world
                .accounts()
                .put_role_policy(ACCOUNT, &role, "services", &services)
                .await;
            put.unwrap();
            return Self {
                world,
                role,
                management,
                emulator,
            };
        };
        // Other tests use the seeded roles at the same time.
        let admin = Admin::new(&endpoint);
        let (role, management) = (unique("proof"), unique("proof"));
        let trust = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111111111111:user/aws-ops-base" },
            "Action": ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
        }]});
        let trust = trust.to_string();
        for (account, role) in [(ACCOUNT, &role), (MANAGEMENT, &management)] {
            let input = [("RoleName", role.as_str()), ("AssumeRolePolicyDocument", &trust)];
            admin.ask(account, "CreateRole", &input).await;
        }
        let mut registry = registered();
        for account in registry.as_array_mut().unwrap() {
            if account["id"] == json!(ACCOUNT) {
                account["role_arn"] = json!(format!("arn:aws:iam::{ACCOUNT}:role/{role}"));
            }
        }
        let registry = registry.to_string();
        // What is looked up before the calls is not part of the proof.
        let allowed = format!("{MANAGEMENT_ROLE},arn:aws:iam::{MANAGEMENT}:role/{management}");
        let world = World::with(&["--account-registry", &registry, "--allowed-role-arns", &allowed]).await;
        Self {
            world,
            role,
            management,
            emulator: Some(admin),
        }
    }

    /// The call's arguments, with this proof's own role where it is in the management account.
    pub(crate) fn arguments(&self, step: &Step) -> Value {
        let mut arguments = step.arguments.clone();
        if arguments["role_arn"] == json!(MANAGEMENT_ROLE) {
            arguments["role_arn"] = json!(format!("arn:aws:iam::{MANAGEMENT}:role/{}", self.management));
        }
        arguments
    }

    /// Whether the tests run in the other emulator.
    pub(crate) fn is_elsewhere() -> bool {
        emulator_endpoint().is_some()
    }

    /// Whether it is the other emulator.
    pub(crate) fn elsewhere(&self) -> bool {
        self.emulator.is_some()
    }

    /// The only policy of the role, and of the management account's, from now on, open sessions included.
    pub(crate) async fn allow(&self, policy: &Value) {
        match &self.emulator {
            None => {
                let sandbox = self.world.accounts();
                // The name of the one that the sandbox comes with.
                sandbox
                    .put_role_policy(ACCOUNT, &self.role, "operate", policy)
                    .await
                    .unwrap();
                sandbox
                    .put_role_policy(MANAGEMENT, &self.management, "list-accounts", policy)
                    .await
                    .unwrap();
            }
            Some(admin) => {
                let policy = policy.to_string();
                for (account, role) in [(ACCOUNT, &self.role), (MANAGEMENT, &self.management)] {
                    let input = [
                        ("RoleName", role.as_str()),
                        ("PolicyName", "operate"),
                        ("PolicyDocument", &policy),
                    ];
                    admin.ask(account, "PutRolePolicy", &input).await;
                }
            }
        }
    }
}

fn name_of(role_arn: &str) -> String {
    role_arn.rsplit('/').next().unwrap().to_owned()
}

/// The owner of the accounts in the emulator, which believes whoever shows an account's number.
struct Admin(Client);

impl Admin {
    fn new(endpoint: &str) -> Self {
        Self(Client::new(endpoint.trim_start_matches("http://"), ""))
    }

    async fn ask(&self, account: &str, action: &str, input: &[(&str, &str)]) {
        let fixed = [("Action", action), ("Version", "2010-05-08")];
        let pairs = fixed
            .iter()
            .chain(input)
            .map(|(name, value)| format!("{name}={}", encoded(value)));
        let body = pairs.collect::<Vec<_>>().join("&");
        let shown = format!(
            "AWS4-HMAC-SHA256 Credential={account}/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=00"
        );
        let headers: [(&str, &[u8]); 2] = [
            ("authorization", shown.as_bytes()),
            ("content-type", b"application/x-www-form-urlencoded"),
        ];
        let answer = self.0.send(Method::POST, "/", &headers, &body).await;
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert!(answer.status.is_success(), "{action}: {} {text}", answer.status);
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

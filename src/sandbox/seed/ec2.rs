//! The accounts' instances, of one small web shop, with their disks and firewalls.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::Inner;
use crate::sandbox::{
    REGION, Sandbox,
    ec2::{Region, iso, state},
    value::set,
};

const DAY: u64 = 86_400;

/// A machine: name, type, state, age of its last start, size of its disk.
type Machine = (&'static str, &'static str, &'static str, u64, u64);

const MACHINES: [Machine; 6] = [
    ("web-1", "m7g.large", "running", 41 * DAY, 20),
    ("web-2", "m7g.large", "running", 41 * DAY, 20),
    ("api-1", "m7g.xlarge", "running", 9 * DAY, 40),
    ("batch-1", "c7g.2xlarge", "stopped", 63 * DAY, 100),
    ("bastion-1", "t4g.nano", "running", 320 * DAY, 8),
    ("retired-1", "t2.small", "terminated", 400 * DAY, 0),
];

pub(super) fn fill(sandbox: &Inner) {
    for account in Sandbox::accounts().iter().filter(|account| !account.central) {
        let contents = Seeds {
            environment: account.environment,
            account: account.id,
        };
        sandbox.ec2.insert(account.id, REGION, contents.region());
    }
}

/// What the tools need.
pub(super) fn operate(account: &str) -> Vec<Value> {
    vec![
        json!({
            "Effect": "Allow",
            "Action": ["ec2:DescribeInstances", "ec2:DescribeSecurityGroups", "ec2:DescribeVolumes"],
            "Resource": "*",
        }),
        json!({
            "Effect": "Allow",
            "Action": ["ec2:StartInstances", "ec2:StopInstances", "ec2:RebootInstances", "ec2:GetConsoleOutput"],
            "Resource": format!("arn:aws:ec2:*:{account}:instance/*"),
        }),
    ]
}

struct Seeds {
    environment: &'static str,
    account: &'static str,
}

impl Seeds {
    /// An id: each account has its own, so that none is found in another.
    fn id(&self, kind: &str, number: usize) -> String {
        let digit = self.account.get(..1).unwrap_or_default();
        format!("{kind}-0a{digit}{number:014x}")
    }

    fn vpc(&self) -> String {
        // The one that production's private zone is of.
        match self.environment {
            "production" => "vpc-0prod1".to_owned(),
            _ => self.id("vpc", 1),
        }
    }

    fn tags(&self, name: &str) -> Value {
        json!({ "item": [{ "key": "Name", "value": name }, { "key": "environment", "value": self.environment }] })
    }

    fn region(&self) -> Region {
        let mut region = Region {
            groups: self.groups(),
            ..Region::default()
        };
        for (number, machine) in (1..).zip(MACHINES) {
            let instance = self.instance(number, machine);
            if machine.4 > 0 {
                let id = self.id("i", number);
                region
                    .volumes
                    .push(self.volume(number, machine.0, machine.4, Some(&id), true));
            }
            region.consoles.insert(self.id("i", number), console(machine.0));
            region.instances.push(instance);
        }
        region.volumes.push(self.volume(90, "old-import", 500, None, false));
        region
    }

    fn instance(&self, number: usize, (name, kind, status, age, _): Machine) -> Value {
        let launched = SystemTime::now() - Duration::from_secs(age);
        let reason = match status {
            "running" => String::new(),
            _ => {
                let stopped = iso(SystemTime::now() - Duration::from_secs(12 * DAY)).replace('T', " ");
                format!("User initiated ({} GMT)", stopped.trim_end_matches('Z'))
            }
        };
        let group = match name.split('-').next() {
            Some("web") => (1, "web"),
            Some("bastion") => (4, "bastion"),
            _ => (2, "api"),
        };
        let mut instance = json!({
            "instanceId": self.id("i", number), "imageId": self.id("ami", 1), "instanceType": kind,
            "instanceState": state(status), "reason": reason, "launchTime": iso(launched),
            "tagSet": self.tags(name), "placement": { "availabilityZone": format!("{REGION}{}", if number.is_multiple_of(2) { "b" } else { "a" }) },
            "rootDeviceType": "ebs",
        });
        if status == "terminated" {
            return instance;
        }
        set(&mut instance, "vpcId", self.vpc());
        set(&mut instance, "subnetId", self.id("subnet", 1 + number % 2));
        set(&mut instance, "privateIpAddress", format!("10.20.4.{}", 10 + number));
        let groups = json!({ "item": [{ "groupId": self.id("sg", group.0), "groupName": group.1 }] });
        set(&mut instance, "groupSet", groups);
        if status == "running" && group.0 != 2 {
            set(&mut instance, "ipAddress", format!("203.0.113.{}", 40 + number));
        }
        let profile = format!("arn:aws:iam::{}:instance-profile/web", self.account);
        set(&mut instance, "iamInstanceProfile", json!({ "arn": profile }));
        instance
    }

    fn volume(&self, number: usize, name: &str, size: u64, instance: Option<&str>, encrypted: bool) -> Value {
        let attachment = instance.map(|id| {
            json!({ "instanceId": id, "volumeId": self.id("vol", number), "device": "/dev/xvda", "status": "attached" })
        });
        let created = SystemTime::now() - Duration::from_secs(430 * DAY);
        json!({
            "volumeId": self.id("vol", number), "size": size, "volumeType": "gp3", "iops": 3000, "encrypted": encrypted,
            "status": if attachment.is_some() { "in-use" } else { "available" }, "availabilityZone": format!("{REGION}a"),
            "createTime": iso(created), "tagSet": self.tags(name),
            "attachmentSet": { "item": attachment.into_iter().collect::<Vec<_>>() },
        })
    }

    fn groups(&self) -> Vec<Value> {
        let cidr = |cidr: &str, why: &str| json!({ "cidrIp": cidr, "description": why });
        let tcp = |port: u16, ranges: Vec<Value>, groups: Vec<Value>| {
            json!({
                "ipProtocol": "tcp", "fromPort": port, "toPort": port, "ipRanges": { "item": ranges }, "groups": { "item": groups },
            })
        };
        let peer = |number| json!({ "groupId": self.id("sg", number), "userId": self.account });
        let all = json!({ "ipProtocol": "-1", "ipRanges": { "item": [{ "cidrIp": "0.0.0.0/0" }] } });
        let mut https = tcp(443, vec![cidr("0.0.0.0/0", "HTTPS")], Vec::new());
        set(&mut https, "ipv6Ranges", json!({ "item": [{ "cidrIpv6": "::/0" }] }));
        // Opened for a supplier, and never closed.
        let ssh = match self.environment {
            "staging" => cidr("0.0.0.0/0", "temporary, for the supplier"),
            _ => cidr("198.51.100.0/24", "the office"),
        };
        let group = |number, name: &str, about: &str, inbound: Vec<Value>| {
            json!({
                "groupId": self.id("sg", number), "groupName": name, "groupDescription": about, "vpcId": self.vpc(),
                "ownerId": self.account, "ipPermissions": { "item": inbound }, "ipPermissionsEgress": { "item": [all] },
            })
        };
        vec![
            group(1, "web", "The web front end", vec![https]),
            group(
                2,
                "api",
                "The API, for the front end alone",
                vec![tcp(8080, Vec::new(), vec![peer(1)])],
            ),
            group(
                3,
                "db",
                "The payments database",
                vec![tcp(5432, Vec::new(), vec![peer(2), peer(4)])],
            ),
            group(4, "bastion", "The way in", vec![tcp(22, vec![ssh], Vec::new())]),
        ]
    }
}

/// Some kernel's words, more than a call shows unless it is asked to.
fn console(name: &str) -> String {
    let mut text = String::from("[    0.000000] Linux version 6.1.112-122.189.amzn2023.aarch64\n");
    for second in 1..=240 {
        text.push_str(&format!(
            "[{second:>5}.000000] systemd[1]: Started unit-{second:03}.service of {name}.\n"
        ));
    }
    text.push_str(&format!("\nAmazon Linux 2023\n{name} login: "));
    text
}

//! The runbooks themselves.

use super::{Argument, Runbook, Step};

pub(super) const ACCOUNT: Argument = Argument {
    name: "account",
    description: "Account: its name or 12-digit id",
    default: None,
};

const ACCOUNTS: Argument = Argument {
    name: "account",
    description: "Account: its name or 12-digit id, environment:… or tag:…; without it all",
    default: Some("all"),
};

pub(super) const RUNBOOKS: [Runbook; 5] = [
    Runbook {
        name: "triage_alarm",
        title: "Triage an alarm",
        description: "Finds what is firing, since when, and what changed before it began. Changes nothing",
        arguments: &[
            ACCOUNTS,
            Argument {
                name: "alarm",
                description: "The alarm's name; without it the most serious one that is firing",
                default: Some("the most serious one"),
            },
        ],
        needs: &["describe_alarms"],
        steps: &[
            Step {
                tools: &["describe_alarms"],
                text: "`describe_alarms` with accounts [\"{account}\"]: what is in ALARM, where and since when. Go on with {alarm}; note its account, region, \
                       metric and dimensions.",
            },
            Step {
                tools: &["get_metric_data"],
                text: "`get_metric_data` for that metric, in the alarm's account and region, from three hours before it began: sudden or slow, \
                       still going on or over?",
            },
            Step {
                tools: &["lookup_events"],
                text: "`lookup_events` in that account and region, from an hour before it began: which deployment or change came just before, \
                       and who made it?",
            },
            Step {
                tools: &["describe_log_groups", "query_logs"],
                text: "`describe_log_groups` for the service's groups, then one `query_logs` from fifteen minutes before it began: which errors are new?",
            },
            Step {
                tools: &["get_resource"],
                text: "`get_resource` for what the dimensions name: its state now.",
            },
            Step {
                tools: &[],
                text: "Report in this order: what is wrong for whom; since when; the evidence, each with its account and time; the likely cause and how sure \
                       you are; what you would do, and what would undo it. Change nothing before the user agrees.",
            },
        ],
    },
    Runbook {
        name: "rotate_secret",
        title: "Rotate a secret",
        description: "Replaces a secret's value, keeps the old one for the way back, and checks that the new one is in force",
        arguments: &[
            ACCOUNT,
            Argument {
                name: "secret_id",
                description: "The secret's name or ARN",
                default: None,
            },
        ],
        needs: &["describe_secret", "rotate_secret"],
        steps: &[
            Step {
                tools: &["describe_secret"],
                text: "`describe_secret` with account \"{account}\" and secret_id \"{secret_id}\": is rotation configured, when was it last changed and last \
                       used? If it is scheduled for deletion, stop and say so.",
            },
            Step {
                tools: &["lookup_events"],
                text: "`lookup_events` with resource_name \"{secret_id}\", since \"7d\" and changes_only false: who reads it? Tell the user whom a new value \
                       reaches.",
            },
            Step {
                tools: &["rotate_secret"],
                text: "Once the user agrees: `rotate_secret`, if rotation is configured.",
            },
            Step {
                tools: &["update_secret"],
                text: "If it isn't, `update_secret` with the value that the user gives, and with one client_request_token for every attempt. The service that \
                       checks the value has to know it first: ask who changes it there.",
            },
            Step {
                tools: &["list_secret_version_ids"],
                text: "`list_secret_version_ids`: AWSCURRENT must be on the new version and AWSPREVIOUS on the old one. AWSPENDING that stays alone means that \
                       the rotation is not finished, or failed.",
            },
            Step {
                tools: &[],
                text: "Report the version that is in force and the one before it, and who must fetch it anew. Show no secret's value, neither the old nor the \
                       new one.",
            },
        ],
    },
    Runbook {
        name: "fail_over_dns",
        title: "Fail a DNS name over",
        description: "Moves a name's traffic to its other target, with the way back noted before",
        arguments: &[
            ACCOUNT,
            Argument {
                name: "name",
                description: "The DNS name, such as api.example.com",
                default: None,
            },
        ],
        needs: &[
            "list_hosted_zones",
            "list_resource_record_sets",
            "change_resource_record_sets",
        ],
        steps: &[
            Step {
                tools: &["list_hosted_zones"],
                text: "`list_hosted_zones` with account \"{account}\": the public zone with the longest name that \"{name}\" ends in.",
            },
            Step {
                tools: &["list_resource_record_sets"],
                text: "`list_resource_record_sets` of that zone for \"{name}\": keep the records as they are now, they are the way back. Weighted, failover or \
                       simple? What is the TTL?",
            },
            Step {
                tools: &["list_health_checks"],
                text: "`list_health_checks`: is the target that you would move to healthy? If it isn't, stop and say so.",
            },
            Step {
                tools: &["change_resource_record_sets"],
                text: "Show the user what will change, old and new side by side. Once they agree: one `change_resource_record_sets` with all of it, so that it \
                       is done whole or not at all. Weighted: give the good target the weight and the bad one 0. Simple: replace the value.",
            },
            Step {
                tools: &["get_change"],
                text: "`get_change` until it says INSYNC.",
            },
            Step {
                tools: &["test_dns_answer"],
                text: "`test_dns_answer` for \"{name}\": the answer must be the new target.",
            },
            Step {
                tools: &[],
                text: "Report what answers now, how long caches keep the old answer (the TTL), and the exact change that undoes it.",
            },
        ],
    },
    Runbook {
        name: "find_public_buckets",
        title: "Find public buckets",
        description: "Which S3 buckets the world can read, in any account, and why",
        arguments: &[ACCOUNTS],
        needs: &["get_bucket_posture"],
        steps: &[
            Step {
                tools: &["get_bucket_posture"],
                text: "`get_bucket_posture` with accounts [\"{account}\"] and only_public true. Follow next_targets and next_token to the end; list what could \
                       not be looked at apart, it is not private for that.",
            },
            Step {
                tools: &["list_objects"],
                text: "`list_objects` of each public bucket, 20 keys: does it look as if it were meant for the public (a site's files), or not (dumps, logs, \
                       documents)?",
            },
            Step {
                tools: &["lookup_events"],
                text: "`lookup_events` with resource_name the bucket and since \"90d\", in its region: who made it public, and when?",
            },
            Step {
                tools: &[],
                text: "Report a table: account, bucket, why it is public, what is in it, since when and by whom, what you advise. Change nothing: to close a bucket \
                       that a site is served from is an outage.",
            },
        ],
    },
    Runbook {
        name: "who_changed_what",
        title: "Who changed what",
        description: "What was changed lately, by whom, and whether it fits together",
        arguments: &[
            ACCOUNTS,
            Argument {
                name: "since",
                description: "How far back, such as 1h or 2d; 90 days at most",
                default: Some("1h"),
            },
            Argument {
                name: "resource",
                description: "Only changes of this resource, by its name or id",
                default: Some("anything"),
            },
        ],
        needs: &["lookup_events"],
        steps: &[
            Step {
                tools: &["lookup_events"],
                text: "`lookup_events` with accounts [\"{account}\"] and since \"{since}\". The question is about {resource}: if that is one resource, give its \
                       name as resource_name. Changes of IAM, Route 53 and other global services are recorded in us-east-1: ask there as well.",
            },
            Step {
                tools: &["get_resource"],
                text: "`get_resource` for what was changed most: its state now.",
            },
            Step {
                tools: &["list_access_keys"],
                text: "If a key did it that nobody expects, `list_access_keys` in that account: whose is it, and how old?",
            },
            Step {
                tools: &[],
                text: "Report in the order of time: when, who (the person behind the role, where it is known), what, in which account. Say apart what failed or was \
                       denied, and what nobody seems to have planned.",
            },
        ],
    },
];

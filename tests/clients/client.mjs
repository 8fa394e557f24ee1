// The scenario of the README with the official TypeScript clients, over both transports and every era they speak.
//
// Usage: MCP_AUTH_TOKEN=… node client.mjs http://127.0.0.1:8000
//
// `@modelcontextprotocol/sdk` is the 1.x client, `@modelcontextprotocol/client` the 2.x one, which also speaks the
// stateless 2026-07-28 era.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport as Sse1 } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport as Http1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { Client as Client2, SSEClientTransport as Sse2, StreamableHTTPClientTransport as Http2 } from "@modelcontextprotocol/client";

const base = process.argv[2].replace(/\/$/, "");
const { dependencies } = JSON.parse(readFileSync(new URL("./package.json", import.meta.url)));
const [production, staging, development] = ["222222222222", "333333333333", "444444444444"];
const expectedTools = [
  "get_caller_identity", "list_accounts",
  "list_secrets", "get_secret_value", "create_secret", "update_secret", "delete_secret",
  "list_hosted_zones", "list_resource_record_sets", "change_resource_record_sets", "get_change",
  "list_buckets", "list_objects", "head_object", "get_object", "put_object", "delete_object",
];

const v1 = { name: "@modelcontextprotocol/sdk", Client: Client1, sse: Sse1, mcp: Http1 };
const v2 = { name: "@modelcontextprotocol/client", Client: Client2, sse: Sse2, mcp: Http2 };
const runs = [
  { kit: v1, path: "sse", era: "initialize" },
  { kit: v1, path: "mcp", era: "initialize" },
  { kit: v2, path: "sse", era: "initialize" },
  { kit: v2, path: "mcp", era: "initialize" },
  { kit: v2, path: "mcp", era: "2026-07-28" },
];

async function connect({ kit, path, era }) {
  const versionNegotiation = { mode: era === "initialize" ? "legacy" : { pin: era } };
  const client = new kit.Client({ name: "clients-test", version: "1" }, kit === v2 ? { versionNegotiation } : {});
  const requestInit = { headers: { Authorization: `Bearer ${process.env.MCP_AUTH_TOKEN}` } };
  await client.connect(new kit[path](new URL(`${base}/${path}`), { requestInit }));
  return client;
}

// Every word or number of a JSON value, so that an account's id is found inside an ARN too.
const words = (value) => new Set((JSON.stringify(value) ?? "").split(/[^\w-]+/));
const says = (value, text) => (JSON.stringify(value) ?? "").includes(text);

async function scenario(client, check) {
  const call = async (name, args = {}) => {
    const result = await client.callTool({ name, arguments: args });
    const reply = result.structuredContent ?? {};
    const text = result.content?.find((block) => block.type === "text")?.text;
    check(`${name}: the text is the reply`, isDeepStrictEqual(JSON.parse(text ?? "null"), reply), text);
    check(`${name}: isError says the same as success`, Boolean(result.isError) === !reply.success, reply);
    return reply;
  };

  const { tools } = await client.listTools();
  const byName = Object.fromEntries(tools.map((tool) => [tool.name, tool]));
  const missing = expectedTools.filter((name) => !byName[name]);
  check("the tools are there", missing.length === 0, missing);
  for (const tool of tools) {
    const complete = tool.description && tool.inputSchema?.type === "object" && tool.outputSchema;
    check(`${tool.name}: described, with both schemas`, complete, tool);
    check(`${tool.name}: annotated`, tool.annotations?.readOnlyHint !== undefined, tool);
  }
  check("list_secrets only reads", byName.list_secrets?.annotations?.readOnlyHint === true);
  check("delete_secret destroys", byName.delete_secret?.annotations?.destructiveHint === true);

  const seen = {};
  for (const [account, id] of [["production", production], ["staging", staging]]) {
    const secrets = await call("list_secrets", { account });
    check(`${account}: its secrets`, words(secrets.data).has(id), secrets);
    check(`${account}: its receipt`, secrets.receipt?.account_id === id, secrets);
    seen[account] = JSON.stringify(secrets.data);
  }
  check("production and staging differ", seen.production !== seen.staging, seen);
  check("nothing of staging in production", !says(seen.production, staging), seen.production);

  const account = "development";
  const secret_id = `clients/typescript-${randomUUID()}`;
  const secret_string = `value ${randomUUID()}`;
  const created = await call("create_secret", { account, name: secret_id, secret_string });
  check("created", created.success === true, created);
  check("created in development", created.receipt?.account_id === development, created);
  const read = await call("get_secret_value", { account, secret_id });
  check("read back", says(read.data, secret_string), read.error);
  const deleted = await call("delete_secret", { account, secret_id, recovery_window_in_days: 7 });
  check("deleted", deleted.success === true, deleted);
  const gone = await call("get_secret_value", { account, secret_id });
  check("reading it afterwards fails clearly", gone.error?.aws_code === "InvalidRequestException", gone);

  const unknown = await call("list_secrets", { account: "no-such-account" });
  check("an unknown account is named", says(unknown.error, "no-such-account"), unknown);
  check("with a code and a message", unknown.error?.code && unknown.error?.message, unknown);
}

let failures = 0;
for (const run of runs) {
  const title = `${run.kit.name} ${dependencies[run.kit.name]} ${run.path} ${run.era}`;
  let [passed, failed] = [0, 0];
  const check = (what, holds, seen = "") => {
    if (holds) return void (passed += 1);
    failed += 1;
    console.log(`  FAILED ${title}: ${what}: ${(typeof seen === "string" ? seen : JSON.stringify(seen)).slice(0, 600)}`);
  };
  try {
    const client = await connect(run);
    await scenario(client, check);
    await client.close();
  } catch (error) {
    check("no exception", false, String(error?.stack ?? error));
  }
  console.log(`${title}: ${passed} passed, ${failed} failed`);
  failures += failed;
}
process.exit(failures === 0 ? 0 : 1);

// Counts one run of the suite from the checks that it saved, so that a change in its printed format can't hide a failure.
// Usage: summary.js <run> <directory of results> <the suite's output> [<requirement set>]
const fs = require("fs");
const path = require("path");

const [run, directory, output, requirements] = process.argv.slice(2);

// A requirement set also runs scenarios that it doesn't score (extensions, later additions): those don't count here either.
let scored = null;
if (requirements) {
    const section = /^server:\n((?:[ \t]*(?:-|#).*\n|\n)+)/m.exec(fs.readFileSync(requirements, "utf8"));
    scored = new Set([...section[1].matchAll(/^\s*-\s*([\w-]+)/gm)].map((match) => match[1]));
}
const scenarios = new Map();
for (const entry of fs.existsSync(directory) ? fs.readdirSync(directory).sort() : []) {
    const match = /^server-(.+)-\d{4}-\d\d-\d\dT/.exec(entry);
    if (!match || (scored && !scored.has(match[1]))) continue;
    const checks = JSON.parse(fs.readFileSync(path.join(directory, entry, "checks.json"), "utf8"));
    scenarios.set(match[1], checks.filter((check) => check.status === "FAILURE"));
}
for (const scenario of scored ?? []) {
    if (!scenarios.has(scenario)) scenarios.set(scenario, [{ id: scenario, errorMessage: "did not run" }]);
}
const failed = [...scenarios].filter(([, failures]) => failures.length > 0);
console.log(`${run}: ${scenarios.size - failed.length} of ${scenarios.size} scenarios pass`);
for (const [scenario, failures] of failed) {
    console.log(`FAILED ${run} ${scenario}`);
    for (const failure of failures) console.log(`    ${failure.id}: ${failure.errorMessage}`);
}
if (scenarios.size === 0) console.log(`FAILED ${run} nothing-ran\n    see ${output}`);

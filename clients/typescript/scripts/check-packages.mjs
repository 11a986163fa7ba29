// What is published is what it says: publint reads each package's entry points, attw how every kind of import resolves its types.
// It looks at the folders that it is given, else at all packages, and fails if either finds something in one of them.
import { spawnSync } from "node:child_process";

const given = process.argv.slice(2);
let failed = 0;
for (const folder of given.length > 0 ? given : ["packages/server", "packages/elements", "packages/react"]) {
  for (const [program, ...options] of [
    ["publint", "--strict", folder],
    // Resolution by folders alone, as before Node 12, knows no entry points such as `@ltlm/elements/define`.
    ["attw", "--pack", folder, "--profile", "node16", "--format", "ascii", "--no-emoji"],
  ]) {
    const { status } = spawnSync("npx", ["--no-install", program, ...options], { stdio: "inherit" });
    failed += status === 0 ? 0 : 1;
  }
}
process.exit(failed === 0 ? 0 : 1);

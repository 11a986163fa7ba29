// What is published is what it says: publint reads each package's entry points, attw how every kind of import resolves its types.
import { spawnSync } from "node:child_process";

let failed = 0;
for (const name of ["server", "elements", "react"]) {
  for (const [program, ...options] of [
    ["publint", "--strict", `packages/${name}`],
    // Resolution by folders alone, as before Node 12, knows no entry points such as `@ltlm/elements/define`.
    ["attw", "--pack", `packages/${name}`, "--profile", "node16", "--format", "ascii", "--no-emoji"],
  ]) {
    const { status } = spawnSync("npx", ["--no-install", program, ...options], { stdio: "inherit" });
    failed += status === 0 ? 0 : 1;
  }
}
process.exit(failed === 0 ? 0 : 1);

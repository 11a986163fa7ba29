import { spawnSync } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ltlm-package-"));
  await cp(join(root, "packages/server"), folder, { recursive: true });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The status of `npm run packages` for the package with this in its `package.json`. */
async function checked(change: (manifest: string) => string): Promise<number | null> {
  const manifest = await readFile(join(root, "packages/server/package.json"), "utf8");
  await writeFile(join(folder, "package.json"), change(manifest));
  return spawnSync("node", ["scripts/check-packages.mjs", folder], { cwd: root }).status;
}

// What is packaged right passes: `npm run packages` runs before the tests.
it("fails what is not packaged right", { timeout: 120_000 }, async () => {
  // What publint finds, and what attw finds.
  expect(await checked((manifest) => manifest.replace('"module": "./dist/index.js"', '"module": "./dist/missing.js"'))).toBe(1);
  expect(await checked((manifest) => manifest.replace('"require": { "types": "./dist/index.d.cts"', '"require": { "types": "./dist/index.d.ts"'))).toBe(1);
});

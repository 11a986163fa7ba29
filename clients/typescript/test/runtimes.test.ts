import { execFile, spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";

import { newName, startLocal, type Local } from "./support/local.js";

const FOLDER = join(import.meta.dirname, "runtimes");
const GLIBC = process.platform === "linux" ? "-glibc" : "";
const EXPECTED = {
  balances: [10, 14, 14],
  refused: "INSUFFICIENT_TOKENS",
  entries: [["refund", 4], ["image_generation", -10], ["opening", 20]],
  told: 3,
  notice: "tokens.low",
  forged: "WebhookVerificationError",
  page: "TOPUP_NOT_AVAILABLE",
  stopped: "AbortError",
};

let local: Local;

beforeAll(async () => {
  local = await startLocal();
});
afterAll(() => local.stop());

/** A program of a package that npm installs for this machine. It is called by itself: no script of an installation has to have run. */
function program(name: string, path: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), path);
}

/** What the flow is asked: with a message as a webhook gets it. */
function request(): string {
  const key = randomBytes(32);
  const [id, at] = ["msg_1", String(Math.floor(Date.now() / 1_000))];
  const body = JSON.stringify({ type: "tokens.low", timestamp: new Date().toISOString(), data: { accountId: "u", balanceAfter: 1 } });
  const signature = createHmac("sha256", key).update(`${id}.${at}.${body}`).digest("base64");
  const headers = { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": `v1,${signature}` };
  return JSON.stringify({ connection: local.connection, user: newName("user"), webhook: { secret: `whsec_${key.toString("base64")}`, headers, body } });
}

it.each([
  ["Node.js", () => process.execPath, []],
  ["Deno", () => program(`@deno/${process.platform}-${process.arch}${GLIBC}`, "deno"), ["run", "--allow-net=127.0.0.1", "--node-modules-dir=manual", "--no-lock", "--no-prompt", "--cached-only"]],
  ["Bun", () => program(`@oven/bun-${process.platform}-${process.arch === "arm64" ? "aarch64" : "x64"}`, "bin/bun"), ["run"]],
])("runs on %s", async (_, path, options) => {
  const { stdout } = await promisify(execFile)(path(), [...options, join(FOLDER, "main.mjs"), request()], { cwd: FOLDER });
  expect(JSON.parse(stdout)).toEqual(EXPECTED);
});

it("runs in a Worker", async () => {
  const folder = await mkdtemp(join(tmpdir(), "ltlm-worker-"));
  await build({
    entryPoints: [join(FOLDER, "worker.mjs")],
    outfile: join(folder, "worker.mjs"),
    bundle: true,
    format: "esm",
    conditions: ["workerd", "worker"],
    target: "es2022",
  });
  // As Workers run: without Node's modules. The service is on this machine, which a Worker reaches only if its configuration says so.
  await writeFile(
    join(folder, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "internet", network = (allow = ["public", "private"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (modules = [(name = "worker", esModule = embed "worker.mjs")], compatibilityDate = "2026-01-01");
`,
  );
  const path = program(`@cloudflare/workerd-${process.platform}-${process.arch === "arm64" ? "arm64" : "64"}`, "bin/workerd");
  const server = spawn(path, ["serve", "--control-fd=3", join(folder, "config.capnp")], { stdio: ["ignore", "inherit", "inherit", "pipe"] });
  const ended = new Promise<void>((resolve) => server.once("close", () => resolve()));
  try {
    const lines = createInterface(server.stdio[3] as NodeJS.ReadableStream);
    const port = await Promise.race([
      new Promise<number>((resolve) => lines.on("line", (line) => void resolve((JSON.parse(line) as { port: number }).port))),
      ended.then(() => Promise.reject(new Error("workerd did not start"))),
    ]);
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: request() });
    expect([answer.status, await answer.text()]).toEqual([200, JSON.stringify(EXPECTED)]);
  } finally {
    server.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
});

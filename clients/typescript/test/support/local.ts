import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The built local server: `cargo build --package ltlm-local`, or what `LTLM_LOCAL` names. */
const PROGRAM = process.env["LTLM_LOCAL"] ?? fileURLToPath(new URL("../../../../target/debug/local", import.meta.url));

/** What `demo.json` tells. */
interface Demo {
  baseUrl: string;
  adminKey: string;
  projectId: string;
  projectSecret: string;
  licenses: Record<"SUB" | "PERP" | "AIR", string>;
}

/** The real service on a port of its own, with its data in a folder that goes with it. */
export interface Local extends Demo {
  /** What a backend connects with. */
  connection: { baseUrl: string; projectId: string; key: string };
  /** Calls a route as the vendor; a failure is thrown. */
  call<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T>;
  /** Moves the service's clock on. */
  advance(seconds: number): Promise<void>;
  /** The service's clock. */
  now(): Promise<Date>;
  /** Injects faults: lost replies, throttles, delays; `{}` ends them. */
  faults(settings: Record<string, unknown>): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it; nothing runs by itself unless `isScheduled`. */
export async function startLocal({ isScheduled = false } = {}): Promise<Local> {
  const folder = await mkdtemp(join(tmpdir(), "ltlm-ts-"));
  const options = ["--port", "0", "--quiet", "--data", folder, ...(isScheduled ? [] : ["--no-schedule"])];
  const child = spawn(PROGRAM, options, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stderr.on("data", (text) => (log = (log + String(text)).slice(-4_000)));
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const ready = await Promise.race([
    new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve)),
    ended.then(() => ""),
    new Promise<string>((_, reject) => child.once("error", reject)),
  ]);
  if (!ready.startsWith("LTLM is ready")) {
    throw new Error(`${PROGRAM} did not start: ${log}`);
  }
  child.stdout.resume();
  const demo = JSON.parse(await readFile(join(folder, "demo.json"), "utf8")) as Demo;
  const local = async (path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const answer = await fetch(`${demo.baseUrl}/__local/${path}`, init);
    return (await answer.json()) as Record<string, unknown>;
  };
  return {
    ...demo,
    connection: { baseUrl: demo.baseUrl, projectId: demo.projectId, key: demo.adminKey },
    async call<T>(method: string, path: string, body?: unknown): Promise<T> {
      const answer = await fetch(`${demo.baseUrl}${path}`, {
        method,
        headers: { authorization: `Bearer ${demo.adminKey}`, "x-project-id": demo.projectId, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      if (!answer.ok) {
        throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
      }
      return (text === "" ? {} : JSON.parse(text)) as T;
    },
    advance: async (seconds) => void (await local("clock", { advanceSeconds: seconds })),
    now: async () => new Date(String((await local("clock"))["now"])),
    faults: async (settings) => void (await local("faults", settings)),
    async stop() {
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

let names = 0;

/** A name that nothing in this run has. */
export function newName(kind: string): string {
  names += 1;
  return `${kind}-${process.pid}-${names}`;
}

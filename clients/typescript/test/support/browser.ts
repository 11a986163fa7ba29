import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import { chromium, type BrowserContext, type Page } from "playwright-core";

const CHROMIUM = process.env["LTLM_CHROMIUM"] ?? "/usr/bin/chromium";
const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** A headless browser, with a profile of its own. */
export interface Browser {
  context: BrowserContext;
  close(): Promise<void>;
}

/** Starts Debian's Chromium. It calls nobody by itself. */
export async function openBrowser(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`${CHROMIUM} is missing: install Debian's package chromium, or name another browser in LTLM_CHROMIUM.`);
  }
  const profile = await mkdtemp(join(tmpdir(), "ltlm-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
    deviceScaleFactor: 2,
    viewport: { width: 760, height: 620 },
  });
  return {
    context,
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** A script of a page, bundled from our sources as an application's bundler does it. */
export async function bundle(source: string): Promise<string> {
  const result = await build({
    stdin: { contents: source, resolveDir: root("test"), loader: "tsx" },
    bundle: true,
    write: false,
    format: "esm",
    jsx: "automatic",
    target: "es2022",
    define: { "process.env.NODE_ENV": '"production"' },
    alias: {
      "@ltlm/elements": root("packages/elements/src/index.ts"),
      "@ltlm/react": root("packages/react/src/index.tsx"),
      "@ltlm/server": root("packages/server/src/index.ts"),
    },
  });
  return result.outputFiles[0]?.text ?? "";
}

/** Pages on a port of this machine. */
export interface Pages {
  url: string;
  stop(): Promise<void>;
}

/** Serves these pages, by path. */
export async function serve(pages: Record<string, { type: string; text: string }>): Promise<Pages> {
  const server = createServer((request, answer) => {
    const page = pages[new URL(request.url ?? "/", "http://localhost").pathname];
    if (page === undefined) {
      answer.writeHead(404).end();
      return;
    }
    // No inline script or style gets past this: what we ship must not need any.
    const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src http://127.0.0.1:*";
    answer.writeHead(200, { "content-type": page.type, "content-security-policy": policy }).end(page.text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** What axe finds wrong on a page, each by its rule. */
export async function violations(page: Page): Promise<string[]> {
  const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  await page.evaluate(await import("node:fs/promises").then((fs) => fs.readFile(axe, "utf8")));
  return page.evaluate(async () => {
    type Found = { violations: { id: string; nodes: { failureSummary?: string; html: string }[] }[] };
    const { axe } = globalThis as unknown as { axe: { run: (where: Document) => Promise<Found> } };
    const { violations } = await axe.run(document);
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary ?? ""}`).join("; ")}`);
  });
}

/** Keeps a picture for the documents, if `LTLM_IMAGES` names a folder for them. */
export async function shoot(page: Page, name: string, options: { clip?: { x: number; y: number; width: number; height: number } } = {}): Promise<void> {
  const folder = process.env["LTLM_IMAGES"];
  if (folder !== undefined) {
    await page.screenshot({ path: join(folder, `${name}.png`), ...options });
  }
}

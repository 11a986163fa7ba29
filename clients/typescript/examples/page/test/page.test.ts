import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

import { serve } from "@hono/node-server";
import { afterAll, beforeAll, expect, it } from "vitest";

import { openBrowser, shoot, bundle, violations, type Browser } from "../../../test/support/browser.js";
import { startLocal, type Local } from "../../../test/support/local.js";
import { app } from "../../server/src/app.js";

let local: Local;
let browser: Browser;
let server: ReturnType<typeof serve>;
let url: string;

beforeAll(async () => {
  local = await startLocal();
  browser = await openBrowser();
  const file = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
  const site = app(local.connection, {
    generateImage: async () => "",
    chat: async () => "Sell ten more",
    notify: async () => undefined,
    forget: async () => undefined,
    note: () => undefined,
  });
  const script = await bundle(`import ${JSON.stringify(file("src/main.tsx"))};`);
  site.get("/", async (context) => context.html(await readFile(file("index.html"), "utf8")));
  site.get("/style.css", async (context) => context.body(await readFile(file("style.css"), "utf8"), 200, { "content-type": "text/css" }));
  site.get("/main.js", (context) => context.body(script, 200, { "content-type": "text/javascript" }));
  server = await new Promise((resolve) => {
    const started = serve({ fetch: site.fetch, port: 0, hostname: "127.0.0.1" }, () => resolve(started));
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await local.call("POST", "/v1/organizations", { organizationId: "acme", plan: "pro" });
  await local.call("PUT", "/v1/organizations/acme/members/ada");
});
afterAll(async () => {
  await browser.close();
  await new Promise((resolve) => server.close(resolve));
  await local.stop();
});

it("generates quests until the tokens are used up, and shows what is left", async () => {
  const page = await browser.context.newPage();
  await page.goto(`${url}/?organization=acme&user=ada&service=${encodeURIComponent(local.baseUrl)}`);
  await page.getByText("20 of 20").waitFor();
  for (const left of [17, 14, 11, 8, 5, 2]) {
    await page.getByRole("button", { name: "Generate new quest" }).click();
    await page.getByText(`Goal created! ${left} tokens left`).waitFor();
    await page.getByText(`${left} of 20`).waitFor();
  }
  await page.getByText("Low").waitFor();
  await page.getByRole("button", { name: "Generate new quest" }).click();
  await page.getByText("Out of tokens. Upgrade or wait for refresh.").waitFor();
  expect(await violations(page)).toEqual([]);
  await shoot(page, "token-dashboard-page");
});

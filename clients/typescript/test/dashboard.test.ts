import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { bundle, openBrowser, serve, shoot, violations, type Browser, type Pages } from "./support/browser.js";
import { newName, startLocal, type Local } from "./support/local.js";


let local: Local;
let browser: Browser;
let pages: Pages;
let page: Page;
let seen: string[] = [];

const ELEMENT = `
  import { defineTokenDashboard } from "@ltlm/elements";
  defineTokenDashboard();
`;
const REACT = `
  import { createRoot } from "react-dom/client";
  import { flushSync } from "react-dom";
  import TokenDashboard, { LtlmProvider } from "@ltlm/react";
  const root = createRoot(document.querySelector("#app"));
  const told = [];
  // The seeds' own use: a provider above, an inline callback, a new function each time it renders.
  globalThis.show = ({ baseUrl, organizationId, plan, token, messages }) => flushSync(() => root.render(
    <LtlmProvider baseUrl={baseUrl} getAccessToken={async () => token}>
      <TokenDashboard organizationId={organizationId} plan={plan} messages={messages} className="mine"
        style={{ "--ltlm-radius": "2px" }} onLoadingChange={(loading) => told.push(loading)}>
        <a href="#plans">See plans</a>
      </TokenDashboard>
    </LtlmProvider>));
  globalThis.hide = () => flushSync(() => root.render(null));
  globalThis.told = told;
`;
const html = (attributes: string, script: string) =>
  `<!doctype html><html ${attributes}><head><meta charset="utf-8"><title>Tokens</title><link rel="stylesheet" href="/style.css">
   <script type="module" src="/${script}.js"></script></head><body><main><h1>Quests</h1><div id="app"></div></main></body></html>`;

beforeAll(async () => {
  local = await startLocal();
  browser = await openBrowser();
  pages = await serve({
    "/element.js": { type: "text/javascript", text: await bundle(ELEMENT) },
    "/react.js": { type: "text/javascript", text: await bundle(REACT) },
    "/style.css": {
      type: "text/css",
      text: "body { margin: 24px; font: 16px system-ui; background: light-dark(#eef0f4, #0d1016); color: light-dark(#1a1f2b, #eceff5); } :root { color-scheme: light dark; } h1 { font-size: 20px; } ltlm-token-dashboard { border-radius: 14px; overflow: hidden; }",
    },
    "/element": { type: "text/html", text: html('lang="en"', "element") },
    "/arabic": { type: "text/html", text: html('lang="ar" dir="rtl"', "element") },
    "/react": { type: "text/html", text: html('lang="en"', "react") },
  });
});
afterAll(async () => {
  await browser.close();
  await pages.stop();
  await local.stop();
});
beforeEach(async () => {
  page = await browser.context.newPage();
  seen = [];
  page.on("console", (message) => message.type() === "error" && !message.text().includes("Failed to load resource") && seen.push(message.text()));
  page.on("pageerror", (error) => seen.push(String(error)));
});
afterEach(async () => {
  await browser.context.setOffline(false);
  await page.close();
  expect(seen).toEqual([]);
});

/** An organization on this plan, and a token for it. */
async function organization(plan = "pro"): Promise<{ organizationId: string; token: string }> {
  const organizationId = newName("org");
  await local.call("POST", "/v1/organizations", { organizationId, plan });
  return { organizationId, token: await accessToken(organizationId) };
}

async function accessToken(organizationId: string, expiresInSeconds = 3_600): Promise<string> {
  const made = await local.call<{ accessToken: string }>("POST", "/v1/access-tokens", { organizationId, expiresInSeconds });
  return made.accessToken;
}

async function use(token: string, organizationId: string, featureUsed: string, times = 1): Promise<void> {
  for (let round = 0; round < times; round += 1) {
    const answer = await fetch(`${local.baseUrl}/v1/tokens/check-balance`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ organizationId, featureUsed, action: "deduct" }),
    });
    expect(await answer.json()).toMatchObject({ success: true });
  }
}

/** Puts an element on the page. */
async function show(facts: { organizationId: string; token: string; plan?: string; path?: string }): Promise<void> {
  await page.goto(`${pages.url}/${facts.path ?? "element"}`);
  await page.evaluate(
    ({ organizationId, token, plan, baseUrl }) => {
      const element = document.createElement("ltlm-token-dashboard") as unknown as HTMLElement & Record<string, unknown>;
      element.setAttribute("organization-id", organizationId);
      element.setAttribute("base-url", baseUrl);
      element.setAttribute("plan", plan);
      const state = globalThis as unknown as { loading: boolean[]; token: string; asked: number };
      Object.assign(state, { loading: [], token, asked: 0 });
      element.addEventListener("loadingchange", (event) => state.loading.push((event as CustomEvent<boolean>).detail));
      element["getAccessToken"] = async () => {
        state.asked += 1;
        return state.token;
      };
      element.innerHTML = '<a slot="upgrade" href="#plans">See plans</a>';
      document.querySelector("#app")?.append(element);
    },
    { plan: "pro", ...facts, baseUrl: local.baseUrl },
  );
}

const sums = () => page.locator("dd").allTextContents();
const figures = () => page.locator(".figure").allTextContents();
const state = <T>(name: string) => page.evaluate((key) => (globalThis as unknown as Record<string, unknown>)[key], name) as Promise<T>;

describe("the custom element", () => {
  it("shows sums, cards and low balances", async () => {
    const { organizationId, token } = await organization();
    await use(token, organizationId, "generate_goal", 6);
    await use(token, organizationId, "generate_leads", 5);
    await use(token, organizationId, "analyze_strategy", 10);
    await show({ organizationId, token });
    await page.locator(".card").first().waitFor();
    expect(await sums()).toEqual(["187", "63", "30d"]);
    expect(await page.locator("h3").allTextContents()).toEqual(["Lead generation", "Goal generation", "Strategy analysis", "Forecast"]);
    expect(await figures()).toEqual(["25 of 50", "2 of 20", "80 of 100", "30 of 30"]);
    // Exactly a half is yellow, more is green, below a fifth is low.
    const tones = await page.locator(".card").evaluateAll((cards) => cards.map((card) => card.className));
    expect(tones).toEqual(["card warn", "card low", "card good", "card good"]);
    expect(await page.locator(".badge").allTextContents()).toEqual(["Low"]);
    const goal = page.getByRole("meter", { name: "Goal generation" });
    expect(await goal.getAttribute("aria-valuetext")).toBe("2 of 20, 10%, Low");
    expect(await state("loading")).toEqual([true, false]);
    expect(await violations(page)).toEqual([]);
    await shoot(page, "token-dashboard");
  });

  it("is right at the edges: a fifth is not low, nothing allocated is not low, more than allocated fills the bar", async () => {
    const { organizationId, token } = await organization();
    await use(token, organizationId, "forecast_revenue", 6);
    await local.call("POST", `/v1/organizations/${organizationId}/tokens`, { tokenType: "lead_generation", amount: 50 });
    await show({ organizationId, token });
    await page.locator(".card").first().waitFor();
    expect(await page.getByRole("meter", { name: "Forecast" }).getAttribute("aria-valuetext")).toBe("6 of 30, 20%");
    expect((await page.locator(".card").evaluateAll((cards) => cards.map((card) => card.className)))[3]).toBe("card warn");
    expect((await figures())[0]).toBe("100 of 100");
  });

  it("is dark, by the system or by its attribute", async () => {
    const { organizationId, token } = await organization();
    await use(token, organizationId, "generate_goal", 6);
    await page.emulateMedia({ colorScheme: "dark" });
    await show({ organizationId, token });
    await page.locator(".card").first().waitFor();
    const background = () => page.locator("ltlm-token-dashboard").evaluate((element) => getComputedStyle(element).backgroundColor);
    expect(await background()).toBe("rgb(20, 24, 31)");
    expect(await violations(page)).toEqual([]);
    await shoot(page, "token-dashboard-dark");
    await page.locator("ltlm-token-dashboard").evaluate((element) => element.setAttribute("theme", "light"));
    expect(await background()).toBe("rgb(255, 255, 255)");
    await page.locator("ltlm-token-dashboard").evaluate((element) => element.style.setProperty("--ltlm-color-surface", "rgb(1, 2, 3)"));
    expect(await background()).toBe("rgb(1, 2, 3)");
  });

  it("reads from right to left, in another language", async () => {
    const { organizationId, token } = await organization("enterprise");
    await use(token, organizationId, "generate_leads", 30);
    await show({ organizationId, token, path: "arabic" });
    await page.evaluate(() => {
      const element = document.querySelector("ltlm-token-dashboard") as unknown as HTMLElement & Record<string, unknown>;
      element["messages"] = {
        title: "رموز الذكاء الاصطناعي",
        refresh: "تحديث",
        available: "المتاح",
        used: "المستخدم هذا الشهر",
        resetsIn: "يُجدَّد خلال",
        days: (days: string) => `${days} يومًا`,
        of: (balance: string, allocated: string) => `${balance} من ${allocated}`,
        usedOf: (used: string) => `المستخدم ${used}`,
        percent: (percent: string) => `المتبقي ${percent}`,
        types: { lead_generation: "العملاء", goal_generation: "الأهداف", strategy_analysis: "الاستراتيجية", forecast: "التوقعات", general: "عام" },
      };
    });
    await page.getByText("العملاء").first().waitFor();
    const [card, title] = [await page.locator(".card").first().boundingBox(), await page.locator("h3").first().boundingBox()];
    expect((title?.x ?? 0) + (title?.width ?? 0)).toBeGreaterThan((card?.x ?? 0) + (card?.width ?? 0) * 0.8);
    const [fill, track] = [await page.locator(".fill").first().boundingBox(), await page.locator(".track").first().boundingBox()];
    // The bar begins at the right.
    expect(Math.round((fill?.x ?? 0) + (fill?.width ?? 0))).toBe(Math.round((track?.x ?? 0) + (track?.width ?? 0)));
    expect(fill?.width ?? 0).toBeLessThan(track?.width ?? 0);
    expect(await violations(page)).toEqual([]);
    await shoot(page, "token-dashboard-rtl");
  });

  it("refreshes by its button, with the keyboard too, and keeps the focus", async () => {
    const { organizationId, token } = await organization();
    await show({ organizationId, token });
    await page.locator(".card").first().waitFor();
    await use(token, organizationId, "generate_goal");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.textContent)).toBe("Refresh");
    await page.keyboard.press("Enter");
    await page.getByText("17 of 20").waitFor();
    expect(await page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.textContent)).toBe("Refresh");
    expect(await page.getByRole("status").textContent()).toBe("Token information is up to date.");
  });

  it("calls once in half a minute, unless it is told to, or shows another organization", async () => {
    const { organizationId, token } = await organization();
    const { organizationId: other } = await organization("enterprise");
    let calls = 0;
    await page.route("**/v1/tokens/stats*", (route) => {
      calls += 1;
      return route.continue();
    });
    await page.clock.install({ time: await local.now() });
    await show({ organizationId, token });
    await page.locator(".card").first().waitFor();
    const again = () => page.evaluate(() => {
      const element = document.querySelector("ltlm-token-dashboard");
      const parent = element?.parentElement;
      element?.remove();
      parent?.append(element as Node);
    });
    await again();
    await page.locator(".card").first().waitFor();
    expect(calls).toBe(1);
    await page.clock.fastForward(31_000);
    await again();
    await expect.poll(() => calls).toBe(2);
    await page.evaluate(({ id, key }) => {
      (globalThis as unknown as { token: string }).token = key;
      document.querySelector("ltlm-token-dashboard")?.setAttribute("organization-id", id);
    }, { id: other, key: await accessToken(other) });
    await page.getByText("200 of 200").first().waitFor();
    expect(calls).toBe(3);
  });

  it("asks for a token again when the last one has ended", async () => {
    const { organizationId } = await organization();
    await show({ organizationId, token: await accessToken(organizationId, 30) });
    await page.locator(".card").first().waitFor();
    await local.advance(31);
    // The provider gives what has ended once more, and then a new one.
    const fresh = await accessToken(organizationId);
    await page.evaluate((token) => {
      const state = globalThis as unknown as { token: string };
      const element = document.querySelector("ltlm-token-dashboard") as unknown as HTMLElement & Record<string, unknown>;
      const tokens = [state.token, token];
      element["getAccessToken"] = async () => tokens.shift() ?? token;
    }, fresh);
    await page.getByRole("button", { name: "Refresh" }).click();
    await expect.poll(() => page.getByRole("status").textContent()).toBe("Token information is up to date.");
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  it("shows that it loads, and what went wrong, and tries again", async () => {
    const { organizationId, token } = await organization();
    let isDown = true;
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    await page.route("**/v1/tokens/stats*", async (route) => {
      await held;
      return isDown ? route.fulfill({ status: 503, body: "{}" }) : route.continue();
    });
    await show({ organizationId, token });
    await page.locator(".skeleton").first().waitFor();
    expect(await page.getByRole("status").textContent()).toBe("Loading token information…");
    expect(await page.getByRole("button", { name: "Refresh" }).getAttribute("aria-disabled")).toBe("true");
    expect(await violations(page)).toEqual([]);
    answer();
    const alert = page.getByRole("alert");
    await alert.waitFor();
    expect(await alert.textContent()).toContain("Unable to load token informationThe service does not answer at the moment.");
    expect(await violations(page)).toEqual([]);
    await shoot(page, "token-dashboard-error", { clip: { x: 0, y: 0, width: 760, height: 320 } });
    isDown = false;
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator(".card").first().waitFor();
    expect(await alert.count()).toBe(0);
    // A failure later leaves what is known, and says how old it is.
    isDown = true;
    await page.getByRole("button", { name: "Refresh" }).click();
    await alert.waitFor();
    expect(await alert.textContent()).toMatch(/These are the figures of \d/);
    expect(await page.locator(".card").count()).toBe(4);
  });

  it("waits for the network when it is offline", async () => {
    const { organizationId, token } = await organization();
    await show({ organizationId, token });
    await page.locator(".card").first().waitFor();
    await browser.context.setOffline(true);
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.getByText("You are offline.").waitFor();
    await browser.context.setOffline(false);
    await expect.poll(() => page.getByRole("alert").count()).toBe(0);
    expect(await page.locator(".card").count()).toBe(4);
  });

  it("tells who has no access, or is no longer signed in", async () => {
    const { organizationId } = await organization();
    const { token: stranger } = await organization();
    await show({ organizationId, token: stranger });
    await page.getByText("You have no access to this organization.").waitFor();
    await show({ organizationId, token: "ltlm_access_0" });
    await page.getByText("Please sign in again.").waitFor();
    expect(await state("asked")).toBe(2);
  });

  it("leads from Starter, and from nothing left, to a better plan", async () => {
    const starter = await organization("starter");
    await show({ ...starter, plan: "starter" });
    await page.getByText("AI features are not part of the Starter plan.").waitFor();
    expect(await page.getByRole("link", { name: "See plans" }).isVisible()).toBe(true);
    expect(await page.locator(".card").count()).toBe(0);
    expect(await violations(page)).toEqual([]);
    await shoot(page, "token-dashboard-starter", { clip: { x: 0, y: 0, width: 760, height: 300 } });
    // On a plan of the project's own that gives nothing the banner stands above the cards.
    await show({ ...starter, plan: "custom" });
    await page.getByText("You are out of tokens.").waitFor();
    expect(await figures()).toEqual(["0 of 0", "0 of 0", "0 of 0", "0 of 0"]);
    expect(await page.locator(".card.low").count()).toBe(0);
    expect(await sums()).toEqual(["0", "0", "–"]);
    expect(await violations(page)).toEqual([]);
  });

  it("fits a phone", async () => {
    const { organizationId, token } = await organization();
    await page.setViewportSize({ width: 360, height: 780 });
    await show({ organizationId, token });
    await page.locator(".card").first().waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await shoot(page, "token-dashboard-phone");
  });
});

describe("the React component", () => {
  it("takes the seeds' properties, follows them, and stops when it goes", async () => {
    const { organizationId, token } = await organization();
    const { organizationId: other } = await organization("enterprise");
    const render = (facts: object) => page.evaluate((all) => (globalThis as unknown as { show: (facts: object) => void }).show(all), { baseUrl: local.baseUrl, plan: "pro", ...facts });
    await page.goto(`${pages.url}/react`);
    await render({ organizationId, token });
    await page.locator(".card").first().waitFor();
    expect(await state("told")).toEqual([true, false]);
    expect(await page.locator("ltlm-token-dashboard.mine").evaluate((element) => getComputedStyle(element).getPropertyValue("--ltlm-radius"))).toBe("2px");
    // A render with new functions loads nothing anew.
    await render({ organizationId, token, messages: { title: "Tokens of Acme" } });
    await page.getByRole("heading", { name: "Tokens of Acme" }).waitFor();
    expect(await state("told")).toEqual([true, false]);
    await render({ organizationId: other, token: await accessToken(other) });
    await page.getByText("500 of 500").waitFor();
    expect(await state("told")).toEqual([true, false, true, false]);
    expect(await violations(page)).toEqual([]);
    await page.evaluate(() => (globalThis as unknown as { hide: () => void }).hide());
    expect(await page.locator("ltlm-token-dashboard").count()).toBe(0);
  });
});

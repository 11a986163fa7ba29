import { serve } from "@hono/node-server";
import type { AddressInfo } from "node:net";

import type { TokenMetrics } from "@ltlm/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { newName, startLocal, type Local } from "../../../test/support/local.js";
import { app } from "../src/app.js";

let local: Local;
let url: string;
let server: ReturnType<typeof serve>;
const notes: TokenMetrics[] = [];
const forgotten: string[] = [];
const told: string[] = [];
/** How often images fail before one is made. */
let failures = 0;

beforeAll(async () => {
  // With the service's own schedule: nothing of ours renews.
  local = await startLocal({ isScheduled: true });
  const surroundings = {
    generateImage: async (prompt: string) => {
      if (failures > 0) {
        failures -= 1;
        throw new Error("The image model is down");
      }
      return `https://images.example/${encodeURIComponent(prompt)}.png`;
    },
    chat: async (message: string) => `You said: ${message}`,
    notify: async (_: string, { message }: { message: string }) => void told.push(message),
    forget: async (userId: string) => void forgotten.push(userId),
    note: (metrics: TokenMetrics) => void notes.push(metrics),
  };
  const { fetch } = app(local.connection, surroundings);
  server = await new Promise((resolve) => {
    const started = serve({ fetch, port: 0, hostname: "127.0.0.1" }, () => resolve(started));
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await local.stop();
});

/** Calls the example as a user does. */
async function call(user: string, method: string, path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { "x-user": user, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

async function newUser(): Promise<string> {
  const user = newName("user");
  expect(await call(user, "POST", "/users")).toMatchObject({ status: 201, body: { tokensBalance: 100, tier: "Gift" } });
  return user;
}

const balanceOf = async (user: string) => (await call(user, "GET", "/balance")).body["balance"];

describe("the examples of seed 002", () => {
  it("1, 2: charges for an image, and tells the hooks", async () => {
    const user = await newUser();
    expect(await call(user, "POST", "/images", { prompt: "a cat" })).toEqual({
      status: 200,
      body: { imageUrl: "https://images.example/a%20cat.png", tokensCharged: 10, remainingBalance: 90 },
    });
    expect(notes.at(-1)).toMatchObject({ operation: "debit", userId: user, amount: 10, success: true });
    expect(forgotten.at(-1)).toBe(user);
  });

  it("2: refunds an image that failed, and the refund names what it was taken from", async () => {
    const user = await newUser();
    failures = 1;
    expect(await call(user, "POST", "/images", { prompt: "a dog" })).toEqual({ status: 502, body: { error: "The image model is down" } });
    expect(await balanceOf(user)).toBe(100);
    const { entries } = (await call(user, "GET", "/history")).body as { entries: { id: string; type: string; amount: number; metadata: unknown }[] };
    expect(entries.map(({ amount }) => amount)).toEqual([10, -10, 100]);
    expect(entries[0]?.type).toBe("refund");
    expect(entries[0]?.metadata).toEqual({ reason: "Generation failed", error: "The image model is down" });
  });

  it("2, 3: refuses what cannot be paid, with the figures", async () => {
    const user = await newUser();
    await call(user, "POST", "/spend", { operationType: "x", amount: 97 });
    expect(await call(user, "POST", "/images", { prompt: "a cat" })).toEqual({
      status: 402,
      body: { error: "Insufficient tokens. You need 10 tokens but have 3. Please add 7 more tokens." },
    });
    expect(await call(user, "POST", "/chat", { message: "hello" })).toEqual({
      status: 402,
      body: { error: "Insufficient tokens", deficit: 2, balance: 3 },
    });
  });

  it("3: charges for a chat message", async () => {
    const user = await newUser();
    expect((await call(user, "POST", "/chat", { message: "hello" })).body).toEqual({ response: "You said: hello", tokensCharged: 5, remainingBalance: 95 });
  });

  it("4: credits a subscription once, however often its payment is told", async () => {
    const user = await newUser();
    for (let round = 0; round < 2; round += 1) {
      const bought = await call(user, "POST", "/subscriptions", { tier: "Professional", paymentId: `pay-${user}` });
      expect(bought.body).toEqual({ success: true, tokensAdded: 2_000, newBalance: 2_100 });
    }
    expect((await call(user, "GET", "/balance")).body).toMatchObject({ balance: 2_100, tier: "Professional" });
  });

  it("5: tells the balance", async () => {
    const user = await newUser();
    const { body } = await call(user, "GET", "/balance");
    expect(body).toMatchObject({ balance: 100, spent: 0, tier: "Gift" });
    expect(Date.parse(String(body["lastRenewal"]))).not.toBeNaN();
    expect(await call("nobody", "GET", "/balance")).toEqual({ status: 404, body: { error: "User not found" } });
  });

  it("6: tells the history page by page", async () => {
    const user = await newUser();
    for (let amount = 1; amount <= 5; amount += 1) {
      await call(user, "POST", "/spend", { operationType: "x", amount });
    }
    const amounts = async (page: number) => {
      const { body } = await call(user, "GET", `/history?page=${page}&limit=2`);
      expect(body).toMatchObject({ page, perPage: 2 });
      return (body["entries"] as { amount: number }[]).map((entry) => entry.amount);
    };
    expect([await amounts(1), await amounts(2), await amounts(3), await amounts(4)]).toEqual([[-5, -4], [-3, -2], [-1, 100], []]);
  });

  it("7: adds up a range", async () => {
    const user = await newUser();
    const from = new Date((await local.now()).getTime() - 86_400_000).toISOString();
    await call(user, "POST", "/spend", { operationType: "x", amount: 4 });
    const to = (await local.now()).toISOString();
    expect((await call(user, "GET", `/statistics?from=${from}&to=${to}`)).body).toEqual({
      totalSpent: 4,
      totalEarned: 100,
      netChange: 96,
      operations: 2,
      averagePerOperation: 2,
    });
  });

  it("11: awards a bonus, and notifies", async () => {
    const user = await newUser();
    expect((await call("", "POST", `/admin/bonuses/${user}`, { amount: 50, reason: "loyalty" })).body).toMatchObject({ success: true, newBalance: 150 });
    expect(told.at(-1)).toBe("You have received 50 bonus tokens. Reason: loyalty");
    expect((await call("", "POST", "/admin/bonuses/nobody", { amount: 50, reason: "x" })).body).toMatchObject({ success: false, error: "User not found" });
  });

  it("12: tries several times, charges once, and refunds if all fail", async () => {
    const user = await newUser();
    failures = 2;
    expect((await call(user, "POST", "/images/patiently", { prompt: "a cat" })).body).toMatchObject({ success: true, attempts: 3, tokensCharged: 10 });
    expect(await balanceOf(user)).toBe(90);
    failures = 3;
    expect((await call(user, "POST", "/images/patiently", { prompt: "a cat" })).status).toBe(502);
    expect(await balanceOf(user)).toBe(90);
    failures = 0;
  });

  it("13: reports a month by what tokens were for", async () => {
    const user = await newUser();
    await call(user, "POST", "/images", { prompt: "a cat" });
    await call(user, "POST", "/chat", { message: "hello" });
    await call(user, "POST", "/chat", { message: "again" });
    const now = (await local.now()).toISOString();
    expect((await call(user, "GET", `/report?now=${now}`)).body).toMatchObject({
      summary: { totalSpent: 20, totalEarned: 100, netChange: 80, operations: 4 },
      breakdown: { imageGenerations: { count: 1, tokensSpent: 10 }, chatMessages: { count: 2, tokensSpent: 10 } },
    });
  });

  it("14: tells each error apart", async () => {
    const user = await newUser();
    const spend = async (who: string, amount: number) => (await call(who, "POST", "/spend", { operationType: "x", amount })).body;
    expect(await spend(user, 30)).toMatchObject({ status: "success", newBalance: 70, ledgerEntryId: expect.any(String) });
    // The true balance, where the seeds' service told 0.
    expect(await spend(user, 71)).toEqual({ status: "insufficient_tokens", message: "Please purchase more tokens to continue", balance: 70 });
    expect(await spend("nobody", 1)).toEqual({ status: "user_not_found", message: "User account not found" });
    expect(await spend(user, -1)).toEqual({ status: "error", message: "Debit amount must be positive" });
  });

  // The clock moves from here on.
  it("8, 9, 10: tells who is due, renews by hand, and the schedule renews the rest", async () => {
    const [byHand, bySchedule] = [await newUser(), await newUser()];
    expect((await call("", "POST", `/admin/renewals/${byHand}`)).body).toMatchObject({ success: false, reason: "Next renewal in 30 days", daysUntilRenewal: 30 });
    expect((await call("", "GET", "/admin/renewals")).body).toMatchObject({ totalProcessed: 0, successful: 0, errors: [] });
    await local.advance(30 * 86_400 + 60);
    // What is due is seen at once, by whoever looks first: a balance, a renewal by hand, or the schedule.
    const renewed = await call("", "POST", `/admin/renewals/${byHand}`);
    expect(renewed.body).toMatchObject({ success: true, tokensAdded: 100, newBalance: 200 });
    expect(await balanceOf(byHand)).toBe(200);
    const dryRun = (await call("", "GET", "/admin/renewals")).body;
    expect(dryRun).toMatchObject({ failed: 0, errors: [] });
    await expect
      .poll(async () => {
        const { entries } = (await call(bySchedule, "GET", "/history")).body as { entries: { type: string }[] };
        return entries[0]?.type;
      }, { timeout: 15_000 })
      .toBe("monthly_reset");
    expect(await balanceOf(bySchedule)).toBe(200);
    expect((await call("", "POST", "/admin/renewals")).body).toMatchObject({ failed: 0, errors: [], isAlarming: false });
    expect(await balanceOf(byHand)).toBe(200);
  });
});

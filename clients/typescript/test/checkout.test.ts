import { afterAll, beforeAll, expect, it } from "vitest";

import { OrganizationService, TokenLedger, TokenService, type CheckoutSession } from "@ltlm/server";

import { newName, startLocal, type Local } from "./support/local.js";

let local: Local;

beforeAll(async () => {
  local = await startLocal();
  const packs = [{ packId: "tokens_500", name: "500 tokens", tokens: 500, price: { amount: 29, currency: "USD" } }];
  const settings = { accounts: { packs }, organizations: { packs: [...packs, { ...packs[0], packId: "goals", tokenType: "goal_generation" }] } };
  await local.call("PATCH", `/v1/admin/projects/${local.projectId}`, { settings });
});
afterAll(() => local.stop());

/** What a button of the payment page sends. */
async function press(page: CheckoutSession, act: string): Promise<void> {
  const form = new URLSearchParams({ do: act, card: "4242424242424242" });
  const answer = await fetch(page.url, { method: "POST", body: form, redirect: "manual" });
  expect(answer.status).toBeLessThan(400);
}

it("sells a pack of tokens to a user, and takes it back with its payment", async () => {
  const tokens = new TokenService(local.connection);
  const user = newName("user");
  await tokens.createAccount(user, { tier: "Gift" });
  const page = await tokens.createCheckoutSession(user, { packId: "tokens_500", customerEmail: "grace@example.com", redirectUrl: "https://shop.example/thanks" });
  expect(page.url).toContain(page.id);
  await press(page, "pay-twice");
  expect(await tokens.getBalance(user)).toMatchObject({ tokensBalance: 600, tokensSpent: 0 });
  await press(page, "refund");
  expect(await tokens.getBalance(user)).toMatchObject({ tokensBalance: 100 });
  const entries = await new TokenLedger(local.connection).getUserEntries(user);
  expect(entries.map((entry) => [entry.operationType, entry.tokensAmount])).toEqual([["refund", -500], ["purchase", 500], ["opening", 100]]);
  expect(entries[1]?.metadata).toMatchObject({ packId: "tokens_500" });
});

it("sells one pack on two pages that are open at once, and leads a named order to the same page", async () => {
  const tokens = new TokenService(local.connection);
  const user = newName("user");
  await tokens.createAccount(user, { tier: "Gift" });
  const first = await tokens.createCheckoutSession(user, { packId: "tokens_500" });
  const second = await tokens.createCheckoutSession(user, { packId: "tokens_500" });
  expect(second.id).not.toBe(first.id);
  await press(first, "pay");
  await press(second, "pay");
  expect(await tokens.getBalance(user)).toMatchObject({ tokensBalance: 600 });
  const named = { packId: "tokens_500", operationId: newName("order") };
  expect(await tokens.createCheckoutSession(user, named)).toEqual(await tokens.createCheckoutSession(user, named));
  await expect(tokens.createCheckoutSession(user, { packId: "nothing" })).rejects.toMatchObject({ code: "TOPUP_NOT_AVAILABLE" });
  await expect(tokens.createCheckoutSession("nobody", { packId: "tokens_500" })).rejects.toMatchObject({ code: "ACCOUNT_NOT_FOUND" });
});

it("sells a pack to the pool of an organization that the pack names", async () => {
  const organizations = new OrganizationService(local.connection);
  const org = newName("org");
  await organizations.create(org, "pro");
  await press(await organizations.createCheckoutSession(org, { packId: "tokens_500" }), "pay");
  await press(await organizations.createCheckoutSession(org, { packId: "goals" }), "pay");
  const balances = (await organizations.get(org)).tokens.byType.map((pool) => [pool.tokenType, pool.balance]);
  expect(Object.fromEntries(balances)).toMatchObject({ general: 550, goal_generation: 520, forecast: 30 });
});

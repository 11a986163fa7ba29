import { afterAll, beforeAll, expect, it } from "vitest";

import { MonthlyRenewalService, OrganizationService, TokenService, aiTokens } from "@ltlm/server";

import { newName, startLocal, type Local } from "./support/local.js";

let local: Local;

beforeAll(async () => {
  local = await startLocal();
});
afterAll(() => local.stop());

it("does what the seeds do in SQL", async () => {
  const organizations = new OrganizationService(local.connection);
  const [org, user] = [newName("org"), newName("user")];
  expect(await organizations.create(org, "pro")).toMatchObject({ organizationId: org, plan: "pro", tokens: { totalBalance: 250 } });
  await expect(organizations.create(org, "pro")).rejects.toMatchObject({ code: "ORGANIZATION_EXISTS" });
  const grant = { tokenType: "goal_generation", amount: 10, operationId: "pack-1", metadata: { paymentId: "pay-1" } } as const;
  expect(await organizations.grantTokens(org, grant)).toMatchObject({ newBalance: 30, replayed: false });
  expect(await organizations.grantTokens(org, grant)).toMatchObject({ newBalance: 30, replayed: true });
  await organizations.addMember(org, user);
  const tokens = aiTokens(local.connection);
  expect(await tokens.deductTokens(org, user, "generate_goal")).toMatchObject({ success: true, remainingBalance: 27 });
  const { entries, nextCursor } = await organizations.getUsage(org, "goal_generation", { limit: 2 });
  expect(entries.map((entry) => [entry.operationType, entry.tokensAmount])).toMatchObject([["generate_goal", -3], [expect.any(String), 10]]);
  expect(nextCursor).not.toBeNull();
  expect((await organizations.getUsage(org, "goal_generation", { cursor: nextCursor ?? "" })).entries).toHaveLength(1);
  expect(await organizations.changePlan(org, "enterprise")).toMatchObject({ plan: "enterprise" });
  expect((await organizations.get(org)).plan).toBe("enterprise");
  const session = await organizations.createAccessToken({ organizationId: org, userId: user, expiresInSeconds: 60 });
  const mine = aiTokens({ baseUrl: local.baseUrl, accessToken: session.accessToken });
  expect(await mine.hasEnoughTokens(org, "generate_goal")).toBe(true);
  await organizations.removeMember(org, user);
  expect(await mine.hasEnoughTokens(org, "generate_goal")).toBe(false);
});

it("keeps pools out of what is told of users", async () => {
  const organizations = new OrganizationService(local.connection);
  const service = new TokenService(local.connection);
  const [org, user] = [newName("org"), newName("user")];
  await organizations.create(org, "pro");
  await organizations.changePlan(org, "enterprise");
  await service.createAccount(user, { tier: "Gift" });
  await service.changePlan(user, "Gift");
  const ledger = service.getLedger();
  const ofPools = (await local.call<{ entries: { accountId: string }[] }>("GET", "/v1/entries?type=plan")).entries;
  expect(ofPools.map(({ accountId }) => accountId)).toContain(`${org}/forecast`);
  expect((await ledger.getEntriesByType("plan")).some(({ userId }) => userId.startsWith(org))).toBe(false);
  await local.advance(31 * 86_400);
  const due = (await local.call<{ accounts: { accountId: string }[] }>("GET", "/v1/renewals/due?limit=100")).accounts;
  expect(due.map(({ accountId }) => accountId)).toContain(`${org}/forecast`);
  const users = await new MonthlyRenewalService(local.connection).getUsersDueForRenewal();
  expect(users).toContain(user);
  expect(users.some((userId) => userId.startsWith(org))).toBe(false);
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { LtlmError, MonthlyRenewalService, TokenService, type ErasureProgress, type TokenMetrics } from "@ltlm/server";

import { newName, startLocal, type Local } from "./support/local.js";

let local: Local;
let service: TokenService;
let metrics: TokenMetrics[] = [];
let invalidated: string[] = [];

beforeAll(async () => {
  local = await startLocal();
  service = new TokenService({
    ...local.connection,
    cacheInvalidationCallback: (userId) => void invalidated.push(userId),
    metricsCallback: (told) => void metrics.push(told),
  });
});
afterAll(() => local.stop());
beforeEach(() => {
  metrics = [];
  invalidated = [];
});

/** A user with this balance. */
async function user(openingBalance = 100, facts: Record<string, unknown> = {}): Promise<string> {
  const accountId = newName("user");
  await local.call("POST", "/v1/accounts", { accountId, tier: "Gift", openingBalance, ...facts });
  return accountId;
}

describe("balances", () => {
  it("tells exactly what the seeds' service told (TS-01)", async () => {
    const id = await user(100);
    const balance = await service.getBalance(id);
    expect(Object.keys(balance ?? {}).sort()).toEqual(["lastRenewalAt", "tier", "tokensBalance", "tokensSpent", "userId"]);
    expect(balance).toMatchObject({ userId: id, tokensBalance: 100, tokensSpent: 0, tier: "Gift" });
    expect(balance?.lastRenewalAt).toBeInstanceOf(Date);
  });

  it("tells nothing of an unknown user (TS-02)", async () => {
    expect(await service.getBalance("nobody")).toBeNull();
  });

  it("finds names that a path must encode", async () => {
    const accountId = "auth0|a/b #50%? ü+...";
    await local.call("POST", "/v1/accounts", { accountId, tier: "Gift", openingBalance: 7 });
    expect((await service.getBalance(accountId))?.tokensBalance).toBe(7);
    expect(await service.debit(accountId, { operationType: "x", amount: 2 })).toMatchObject({ success: true, newBalance: 5 });
  });
});

describe("debits", () => {
  it("takes tokens, and tells both callbacks (TS-03, TS-24)", async () => {
    const id = await user(100);
    const facts = { generationId: "gen-123", model: "m" };
    const result = await service.debit(id, { operationType: "image_generation", amount: 10, allowOverdraft: false, metadata: facts });
    expect(result).toMatchObject({ success: true, newBalance: 90, tokensSpent: 10, replayed: false });
    expect(invalidated).toEqual([id]);
    expect(metrics).toEqual([{ operation: "debit", userId: id, amount: 10, success: true, duration: expect.any(Number) }]);
    const [entry] = await service.getLedger().getUserEntries(id, { limit: 1 });
    expect(entry).toMatchObject({ id: result.ledgerEntryId, tokensAmount: -10, balanceBefore: 100, balanceAfter: 90, metadata: facts });
  });

  it.each([-10, 0])("refuses %d without a call (TS-04, TS-05)", async (amount) => {
    expect(await service.debit("nobody", { operationType: "x", amount })).toEqual({
      success: false,
      newBalance: 0,
      tokensSpent: 0,
      error: "Debit amount must be positive",
    });
    expect([metrics, invalidated]).toEqual([[], []]);
  });

  it("refuses what is not there, with the true balance (TS-06)", async () => {
    const id = await user(5);
    const result = await service.debit(id, { operationType: "image_generation", amount: 10 });
    expect(result).toMatchObject({
      success: false,
      newBalance: 5,
      error: "Insufficient tokens. Required: 10, Available: 5",
      code: "INSUFFICIENT_TOKENS",
      details: { required: 10, balance: 5, deficit: 5 },
    });
    expect(metrics).toMatchObject([{ success: false, amount: 10, error: "Insufficient tokens. Required: 10, Available: 5" }]);
    expect(invalidated).toEqual([id]);
  });

  it("overdraws as far as the account may (TS-07)", async () => {
    const id = await user(5, { overdraftLimit: 5 });
    const debit = () => service.debit(id, { operationType: "image_generation", amount: 10, allowOverdraft: true });
    expect(await debit()).toMatchObject({ success: true, newBalance: -5, tokensSpent: 10 });
    expect(await debit()).toMatchObject({ success: false, newBalance: -5 });
  });

  it("tells of an unknown user (TS-08)", async () => {
    expect(await service.debit("nobody", { operationType: "x", amount: 10 })).toMatchObject({ success: false, error: "User not found" });
  });

  it("tells what the service says of amounts that are none", async () => {
    const id = await user();
    const result = await service.debit(id, { operationType: "x", amount: 1.5 });
    expect(result).toMatchObject({ success: false, code: "BAD_REQUEST", error: expect.stringContaining("whole number") });
  });
});

describe("credits, charges and resets", () => {
  it("gives tokens (TS-09)", async () => {
    const id = await user(100);
    expect(await service.credit(id, { operationType: "purchase", amount: 50, metadata: { paymentId: "pay-456" } })).toMatchObject({
      success: true,
      newBalance: 150,
      tokensSpent: 0,
    });
    expect(metrics).toMatchObject([{ operation: "credit", amount: 50, success: true }]);
    expect(invalidated).toEqual([id]);
  });

  it.each([-50, 0])("refuses to give %d (TS-10, TS-11)", async (amount) => {
    expect(await service.credit("nobody", { operationType: "purchase", amount })).toMatchObject({ error: "Credit amount must be positive" });
    expect(metrics).toEqual([]);
  });

  it.each([
    ["image_generation", 90],
    ["chatgpt_message", 95],
    ["sora_image", 90],
  ])("charges %s (TS-12, TS-13)", async (operationType, newBalance) => {
    const id = await user(100);
    expect(await service.chargeForOperation(id, operationType)).toMatchObject({ success: true, newBalance });
    expect(metrics).toMatchObject([{ operation: "debit", amount: 100 - newBalance, success: true }]);
  });

  it("charges nothing for what costs nothing (TS-14)", async () => {
    expect(await service.chargeForOperation(await user(), "refund")).toMatchObject({
      success: false,
      error: "Operation type does not have a cost",
    });
  });

  it("tells which operation types there are", async () => {
    const result = await service.chargeForOperation(await user(), "unheard_of");
    expect(result).toMatchObject({ success: false, code: "UNKNOWN_OPERATION_TYPE" });
    expect(result.success ? [] : result.details?.["known"]).toContain("image_generation");
  });

  it("tells what can be afforded (TS-15 to TS-17)", async () => {
    expect(await service.canAfford(await user(100), "image_generation")).toEqual({ canAfford: true, balance: 100, cost: 10 });
    expect(await service.canAfford(await user(5), "image_generation")).toEqual({ canAfford: false, balance: 5, cost: 10, deficit: 5 });
    expect(await service.canAfford("nobody", "image_generation")).toEqual({ canAfford: false, balance: 0, cost: 10, deficit: 10 });
    expect(metrics).toEqual([]);
  });

  it("sets a balance (TS-19 to TS-21)", async () => {
    const id = await user(50);
    expect(await service.resetBalance(id, 100)).toMatchObject({ success: true, newBalance: 100 });
    expect(metrics).toMatchObject([{ operation: "reset_balance", amount: 100, success: true }]);
    expect(await service.resetBalance(id, -10)).toMatchObject({ success: false, error: "Balance cannot be negative" });
    expect(await service.resetBalance(id, 0)).toMatchObject({ success: true, newBalance: 0 });
    const [last] = await service.getLedger().getUserEntries(id, { limit: 1 });
    expect(last).toMatchObject({ operationType: "monthly_reset", tokensAmount: -100 });
  });
});

describe("refunds", () => {
  it("gives back what an operation took, which is named", async () => {
    const id = await user(100);
    const charge = await service.chargeForOperation(id, "image_generation", {}, { operationId: "gen-123" });
    expect(charge.ledgerEntryId).toBe("gen-123");
    const refund = await service.refund(id, 10, { reason: "Generation failed", originalOperationId: "gen-123" });
    expect(refund).toMatchObject({ success: true, newBalance: 100, tokensSpent: 0 });
    expect(refund.success && refund.entry).toMatchObject({ operationType: "refund", originalOperationId: "gen-123", metadata: { reason: "Generation failed" } });
    expect(await service.refund(id, 1, { originalOperationId: "gen-123" })).toMatchObject({ success: false, code: "REFUND_TOO_LARGE" });
    expect(metrics.at(-1)).toMatchObject({ operation: "credit", amount: 1, success: false });
  });

  it("takes a refund that names nothing from the newest charges, and says which (TS-18)", async () => {
    const id = await user(100);
    const [first, second] = [await service.chargeForOperation(id, "image_generation"), await service.chargeForOperation(id, "chatgpt_message")];
    const refund = await service.refund(id, 7, { reason: "Generation failed", attempts: 3 });
    expect(refund).toMatchObject({ success: true, newBalance: 92, tokensSpent: 8 });
    expect(refund.success && refund.refunded).toMatchObject([
      { operationId: second.ledgerEntryId, amount: 5 },
      { operationId: first.ledgerEntryId, amount: 2, ledgerEntryId: refund.ledgerEntryId },
    ]);
    expect(refund.success && refund.entry.metadata).toEqual({ reason: "Generation failed", attempts: 3 });
    expect(await service.refund(id, 9, { reason: "too much" })).toMatchObject({
      success: false,
      code: "NOTHING_TO_REFUND",
      details: { refundable: 8 },
    });
    expect((await service.getBalance(id))?.tokensBalance).toBe(92);
  });

  it("makes accounts, and puts them on a plan once", async () => {
    const id = newName("user");
    expect(await service.createAccount(id, { tier: "Gift" })).toMatchObject({ userId: id, tokensBalance: 100, tier: "Gift" });
    await expect(service.createAccount(id)).rejects.toMatchObject({ code: "ACCOUNT_EXISTS" });
    for (const replayed of [false, true]) {
      expect(await service.changePlan(id, "Professional", { operationId: `pay-${id}` })).toMatchObject({ success: true, newBalance: 2_100, replayed });
    }
    expect(await service.changePlan(id, "Unheard of")).toMatchObject({ success: false, code: "UNKNOWN_TIER" });
  });

  it.each([0, -1])("refuses to give back %d", async (amount) => {
    expect(await service.refund("nobody", amount)).toMatchObject({ success: false, error: "Credit amount must be positive" });
  });
});

describe("lost answers, callbacks and aborts", () => {
  it("does an operation once, however many answers are lost", async () => {
    const id = await user(100);
    const patient = new TokenService({ ...local.connection, retries: 30, backoffMs: 1 });
    await local.faults({ dropReplyPercent: 60, seed: 7 });
    const results = [];
    for (let round = 0; round < 8; round += 1) {
      results.push(await patient.debit(id, { operationType: "x", amount: 1 }));
    }
    await local.faults({});
    expect(results.map((result) => result.success)).toEqual(results.map(() => true));
    expect(results.some((result) => result.success && result.replayed)).toBe(true);
    expect((await service.getBalance(id))?.tokensBalance).toBe(92);
  });

  it("tells a failure with its text if no answer comes, and the same id asks again (TS-23)", async () => {
    const id = await user(100);
    const hasty = new TokenService({ ...local.connection, retries: 0, metricsCallback: (told) => void metrics.push(told) });
    await local.faults({ dropReplyPercent: 100 });
    const result = await hasty.debit(id, { operationType: "x", amount: 10 });
    await local.faults({});
    expect(result).toMatchObject({ success: false, code: "UNREACHABLE", error: expect.stringContaining("did not answer") });
    expect(metrics).toMatchObject([{ success: false, error: result.error }]);
    const operationId = result.success ? "" : result.operationId;
    const again = await hasty.debit(id, { operationType: "x", amount: 10, ...(operationId === undefined ? {} : { operationId }) });
    expect(again).toMatchObject({ success: true, replayed: true, newBalance: 90 });
  });

  it("gives an attempt up in time", async () => {
    const slow = new TokenService({ ...local.connection, retries: 1, timeoutMs: 60, backoffMs: 1, fetch: (request) =>
      new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(request.signal.reason as Error))) });
    const started = Date.now();
    await expect(slow.getBalance("nobody")).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  it("keeps its result if a callback fails", async () => {
    const id = await user(100);
    const seen: unknown[] = [];
    const awkward = new TokenService({
      ...local.connection,
      cacheInvalidationCallback: () => Promise.reject(new Error("cache")),
      metricsCallback: () => {
        throw new Error("metrics");
      },
      onCallbackError: (error) => void seen.push((error as Error).message),
    });
    expect(await awkward.debit(id, { operationType: "x", amount: 1 })).toMatchObject({ success: true, newBalance: 99 });
    expect(seen).toEqual(["cache", "metrics"]);
  });

  it("throws an abort, and tells the callbacks of what may have been done", async () => {
    const id = await user(100);
    const abort = new AbortController();
    await local.faults({ dropReplyPercent: 100 });
    const call = service.debit(id, { operationType: "x", amount: 1, signal: abort.signal });
    setTimeout(() => abort.abort(), 100);
    await expect(call).rejects.toMatchObject({ name: "AbortError" });
    await local.faults({});
    expect(invalidated).toEqual([id]);
    await expect(service.getBalance(id, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: "AbortError" });
  });

  it("throws where a read fails", async () => {
    const stranger = new TokenService({ ...local.connection, key: "ltlm_admin_00000000000000000000000000000000" });
    await expect(stranger.getBalance("x")).rejects.toThrow(LtlmError);
    await expect(stranger.getBalance("x")).rejects.toMatchObject({ code: "UNAUTHORIZED", status: 401 });
  });
});

describe("the ledger", () => {
  it("pages, filters and adds up", async () => {
    const id = await user(1_000);
    const ledger = service.getLedger();
    const before = await local.now();
    for (let round = 0; round < 7; round += 1) {
      await service.debit(id, { operationType: round % 2 === 0 ? "image_generation" : "chatgpt_message", amount: round + 1 });
    }
    expect((await ledger.getUserEntries(id)).map((entry) => entry.tokensAmount)).toEqual([-7, -6, -5, -4, -3, -2, -1, 1_000]);
    expect((await ledger.getUserEntries(id, { limit: 2, offset: 3 })).map((entry) => entry.tokensAmount)).toEqual([-4, -3]);
    expect((await ledger.getUserEntries(id, { operationType: "chatgpt_message" })).map((entry) => entry.tokensAmount)).toEqual([-6, -4, -2]);
    expect(await ledger.getUserEntries(id, { limit: 0 })).toEqual([]);
    const first = await ledger.getUserEntriesPage(id, { limit: 3 });
    const second = await ledger.getUserEntriesPage(id, { limit: 3, cursor: first.nextCursor ?? "" });
    expect([...first.entries, ...second.entries].map((entry) => entry.sequence)).toEqual([8, 7, 6, 5, 4, 3]);
    const stats = await ledger.getUserStatistics(id);
    expect(stats).toMatchObject({ totalSpent: 28, totalEarned: 1_000, netChange: 972, operationCount: 8 });
    expect(stats.byType.find((row) => row.operationType === "chatgpt_message")).toMatchObject({ operationCount: 3, totalSpent: 12 });
    const now = await local.now();
    expect(await ledger.getTotalSpent(id, before, now)).toBe(28);
    expect(await ledger.getTotalEarned(id, new Date(now.getTime() + 1))).toBe(0);
  });

  it("takes both ends of a range as inclusive, to the millisecond", async () => {
    const id = await user(100);
    const ledger = service.getLedger();
    await service.debit(id, { operationType: "x", amount: 1 });
    const [entry] = await ledger.getUserEntries(id, { operationType: "x" });
    const at = entry?.createdAt ?? new Date(0);
    const just = async (startDate: Date, endDate: Date) => (await ledger.getUserEntries(id, { operationType: "x", startDate, endDate })).length;
    expect(await just(at, at)).toBe(1);
    expect(await just(new Date(at.getTime() + 1), new Date(at.getTime() + 9))).toBe(0);
    expect(await just(new Date(at.getTime() - 9), new Date(at.getTime() - 1))).toBe(0);
  });

  it("writes an entry as the debit or the credit that it is", async () => {
    const id = await user(10);
    const ledger = service.getLedger();
    expect(await ledger.createEntry({ userId: id, operationType: "bonus", tokensAmount: 5 })).toMatchObject({ tokensAmount: 5, balanceAfter: 15 });
    expect(await ledger.createEntry({ userId: id, operationType: "fee", tokensAmount: -4 })).toMatchObject({ tokensAmount: -4, balanceAfter: 11 });
    await expect(ledger.createEntry({ userId: id, operationType: "fee", tokensAmount: -40 })).rejects.toMatchObject({ code: "INSUFFICIENT_TOKENS" });
    await expect(ledger.createEntry({ userId: id, operationType: "fee", tokensAmount: 0 })).rejects.toThrow(RangeError);
  });
});

describe("the ledgers of all users", () => {
  it("are searched by type, newest first over all of them", async () => {
    const ledger = service.getLedger();
    const users = [await user(10), await user(10), await user(10)];
    const kind = newName("kind");
    for (const amount of [1, 2]) {
      for (const id of users) {
        await service.debit(id, { operationType: kind, amount });
        await local.advance(1);
      }
    }
    const told: number[] = [];
    const found = await ledger.getEntriesByType(kind, { onProgress: ({ entries }) => void told.push(entries) });
    const [a, b, c] = users;
    expect(found.map((entry) => [entry.userId, entry.tokensAmount])).toEqual([[c, -2], [b, -2], [a, -2], [c, -1], [b, -1], [a, -1]]);
    expect(told.at(-1)).toBe(6);
    expect((await ledger.getEntriesByType(kind, { limit: 2, offset: 1 })).map((entry) => entry.userId)).toEqual([b, a]);
    expect(await ledger.getEntriesByType(kind, { limit: 0 })).toEqual([]);
    const { entries, nextCursor } = await ledger.getEntriesByTypePage(kind, { limit: 1 });
    expect([entries.length, typeof nextCursor]).toEqual([1, "string"]);
    const each: string[] = [];
    for await (const entry of ledger.entriesByType(kind)) {
      each.push(`${entry.userId} ${entry.tokensAmount}`);
    }
    expect(each).toEqual([...users].sort().flatMap((id) => [`${id} -2`, `${id} -1`]));
    const at = found[2]?.createdAt ?? new Date(0);
    expect((await ledger.getEntriesByType(kind, { startDate: at, endDate: at })).map((entry) => entry.userId)).toEqual([a]);
    expect(await ledger.getEntriesByType("unheard of")).toEqual([]);
    await expect(ledger.getEntriesByType(kind, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: "AbortError" });
  });

  it("lose the personal facts of what is old, and no amounts", async () => {
    const ledger = service.getLedger();
    const users = [await user(10), await user(10)];
    for (const id of users) {
      await service.debit(id, { operationType: "x", amount: 1, metadata: { name: "Ada" } });
    }
    await local.advance(10);
    const olderThan = await local.now();
    await local.advance(10);
    await service.debit(users[0] ?? "", { operationType: "x", amount: 1, metadata: { name: "Ada" } });
    const told: ErasureProgress[] = [];
    const operationId = newName("erasure");
    const erased = await ledger.deleteOldEntries(olderThan, { operationId, onProgress: (progress) => void told.push(progress) });
    expect(erased).toBeGreaterThanOrEqual(2);
    expect(told.at(-1)).toMatchObject({ entries: erased });
    expect(told.at(-1)?.users).toBeGreaterThanOrEqual(2);
    expect(await ledger.deleteOldEntries(olderThan, { operationId })).toBe(erased);
    expect(await ledger.deleteOldEntries(olderThan)).toBe(0);
    await expect(ledger.deleteOldEntries(new Date(0), { operationId })).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" });
    const [young, old] = await ledger.getUserEntries(users[0] ?? "", { operationType: "x" });
    expect([young?.metadata, old?.metadata]).toEqual([{ name: "Ada" }, undefined]);
    expect(old?.tokensAmount).toBe(-1);
    expect((await service.getBalance(users[0] ?? ""))?.tokensBalance).toBe(8);
  });
});

describe("renewals", () => {
  it("tells who is due, and gives it once", async () => {
    const renewals = new MonthlyRenewalService(local.connection);
    const id = await user(100);
    expect(await renewals.checkEligibility("nobody")).toEqual({ eligible: false, reason: "User not found" });
    const early = await renewals.checkEligibility(id);
    expect(early).toMatchObject({ eligible: false, reason: "Next renewal in 30 days", daysUntilRenewal: 30, tier: "Gift" });
    expect(early.nextRenewalDate).toBeInstanceOf(Date);
    expect(await renewals.renewUser(id)).toMatchObject({ success: false, tokensAdded: 0, previousBalance: 100, newBalance: 100, error: "Next renewal in 30 days" });
    expect(await renewals.renewUser("nobody")).toMatchObject({ success: false, error: "User not found", tier: "Gift" });
    await local.advance(30 * 86_400 + 60);
    expect(await renewals.checkEligibility(id)).toMatchObject({ eligible: true });
    expect(await renewals.getUsersDueForRenewal("Gift")).toContain(id);
    expect(await renewals.getUsersDueForRenewal("Business")).not.toContain(id);
    expect(await renewals.renewUser(id)).toMatchObject({ success: true, userId: id, tokensAdded: 100, previousBalance: 100, newBalance: 200 });
    expect(await renewals.getUsersDueForRenewal()).not.toContain(id);
    expect(renewals.getCronExpression()).toBe("0 2 * * *");
  });

  it("renews many, as a trial and for good, and counts to its limit", async () => {
    const renewals = new MonthlyRenewalService(local.connection);
    await renewals.renewAllEligible({ continueOnError: true });
    const ids = [await user(1), await user(2), await user(3)];
    await local.advance(30 * 86_400 + 60);
    const due = await renewals.getUsersDueForRenewal("Gift");
    expect(due).toEqual(expect.arrayContaining(ids));
    const trial = await renewals.renewAllEligible({ dryRun: true, tier: "Gift" });
    expect(trial).toMatchObject({ successful: due.length, failed: 0, errors: [] });
    const everybody = await renewals.getUsersDueForRenewal();
    expect(everybody.length).toBeGreaterThanOrEqual(due.length);
    expect(await renewals.renewAllEligible({ limit: 1, continueOnError: true })).toMatchObject({ totalProcessed: 1, successful: 1 });
    const rest = await renewals.renewAllEligible({ continueOnError: true });
    expect(rest).toMatchObject({ totalProcessed: everybody.length - 1, successful: everybody.length - 1, failed: 0, errors: [] });
    expect(rest.renewals.filter(({ userId }) => due.includes(userId)).every((renewal) => renewal.tokensAdded === 100)).toBe(true);
    expect(await renewals.getUsersDueForRenewal()).toEqual([]);
    const stranger = new MonthlyRenewalService({ ...local.connection, key: "ltlm_admin_00000000000000000000000000000000" });
    expect(await stranger.renewAllEligible()).toMatchObject({ totalProcessed: 0, errors: [{ userId: "batch" }] });
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { TOKEN_COSTS, TOKEN_LIMITS, aiTokens, type AiTokens, type TokenType } from "@ltlm/server";

import { newName, startLocal, type Local } from "./support/local.js";

let local: Local;
let tokens: AiTokens;

beforeAll(async () => {
  local = await startLocal();
  tokens = aiTokens(local.connection);
});
afterAll(() => local.stop());

/** An organization on a plan, with a member. */
async function organization(plan: string): Promise<{ org: string; member: string }> {
  const [org, member] = [newName("org"), newName("member")];
  await local.call("POST", "/v1/organizations", { organizationId: org, plan });
  await local.call("PUT", `/v1/organizations/${org}/members/${member}`);
  return { org, member };
}

/** An access token. */
async function accessToken(facts: Record<string, unknown>): Promise<string> {
  return (await local.call<{ accessToken: string }>("POST", "/v1/access-tokens", facts)).accessToken;
}

describe("the tables of the seeds", () => {
  it.each(Object.keys(TOKEN_LIMITS) as (keyof typeof TOKEN_LIMITS)[])("gives what the plan %s gives (BO-01)", async (plan) => {
    const { org } = await organization(plan);
    expect(await tokens.getAllTokenBalances(org)).toEqual(TOKEN_LIMITS[plan]);
  });

  it("charges what each feature costs", async () => {
    const { org, member } = await organization("enterprise");
    for (const [feature, cost] of Object.entries(TOKEN_COSTS)) {
      const before = (await tokens.getTokenStats(org))?.totalBalance ?? 0;
      const result = await tokens.deductTokens(org, member, feature);
      expect(result).toMatchObject({ success: true, message: `Used ${cost} tokens for ${feature}` });
      expect((await tokens.getTokenStats(org))?.totalBalance).toBe(before - cost);
    }
  });
});

describe("with a server key", () => {
  it("blocks Starter (BO-02)", async () => {
    const { org, member } = await organization("starter");
    expect(await tokens.hasEnoughTokens(org, "generate_goal")).toBe(false);
    expect(await tokens.deductTokens(org, member, "generate_goal")).toEqual({
      success: false,
      remainingBalance: 0,
      message: "Feature not available on this plan. Upgrade to use it.",
    });
  });

  it("spends to the last tokens that pay, and no further (BO-03 to BO-07)", async () => {
    const { org, member } = await organization("pro");
    expect(await tokens.hasEnoughTokens(org, "generate_goal")).toBe(true);
    const left = [];
    for (let round = 0; round < 6; round += 1) {
      const result = await tokens.deductTokens(org, member, "generate_goal", { quarter: "Q1", amount: 75_000 });
      expect(result.success).toBe(true);
      left.push(result.remainingBalance);
    }
    expect(left).toEqual([17, 14, 11, 8, 5, 2]);
    expect(await tokens.deductTokens(org, member, "generate_goal")).toMatchObject({ success: false, remainingBalance: 2 });
    expect(await tokens.hasEnoughTokens(org, "generate_goal")).toBe(false);
    expect(await tokens.getTokenBalance(org, "goal_generation")).toBe(2);
    const others = Object.entries(await tokens.getAllTokenBalances(org)).filter(([type]) => type !== "goal_generation");
    expect(Object.fromEntries(others)).toEqual({ lead_generation: 50, strategy_analysis: 100, forecast: 30, general: 50 });
    const stats = await tokens.getTokenStats(org);
    expect(stats).toMatchObject({ totalBalance: 232, totalUsed: 18, totalAllocated: 250 });
    expect(stats?.refreshDate).toBeInstanceOf(Date);
    expect(stats?.byType.find((pool) => pool.tokenType === "goal_generation")).toMatchObject({ used: 18, allocated: 20, low: true });
    const usage = await local.call<{ entries: { metadata: Record<string, unknown> }[] }>(
      "GET",
      `/v1/organizations/${org}/usage?tokenType=goal_generation&limit=1`,
    );
    expect(usage.entries[0]?.metadata).toMatchObject({ userId: member, tokensDeducted: 3, metadata: { quarter: "Q1" } });
  });

  it("deducts for the organization itself, and for members only", async () => {
    const { org } = await organization("pro");
    expect(await tokens.deductTokens(org, null, "generate_insight")).toMatchObject({ success: true, remainingBalance: 49 });
    expect(await tokens.deductTokens(org, "a stranger", "generate_insight")).toMatchObject({ success: false, remainingBalance: 0 });
    expect(await tokens.getTokenBalance(org, "general")).toBe(49);
  });

  it("tells nothing of what is not there", async () => {
    expect(await tokens.getTokenStats("nowhere")).toBeNull();
    expect(await tokens.getTokenBalance("nowhere", "forecast")).toBe(0);
    expect(await tokens.hasEnoughTokens("nowhere", "generate_goal")).toBe(false);
    const { org, member } = await organization("pro");
    expect(await tokens.hasEnoughTokens(org, "unheard_of")).toBe(false);
    expect(await tokens.deductTokens(org, member, "unheard_of")).toMatchObject({ success: false, message: "No cost is known of this feature." });
  });

  it("fills the pools again, and gives more on a better plan (BO-11, BO-14)", async () => {
    const { org, member } = await organization("pro");
    await tokens.deductTokens(org, member, "generate_goal");
    await local.call("PUT", `/v1/organizations/${org}/plan`, { plan: "enterprise" });
    expect(await tokens.getTokenBalance(org, "goal_generation")).toBe(TOKEN_LIMITS.enterprise.goal_generation);
    await tokens.deductTokens(org, member, "generate_goal");
    await local.advance(30 * 86_400 + 60);
    // The access tokens have ended with the days; new ones are made.
    const later = aiTokens(local.connection);
    expect(await later.getTokenBalance(org, "goal_generation")).toBe(TOKEN_LIMITS.enterprise.goal_generation);
  });

  it("charges once, however many answers are lost", async () => {
    const { org, member } = await organization("pro");
    const patient = aiTokens({ ...local.connection, retries: 30, backoffMs: 1 });
    await local.faults({ dropReplyPercent: 60, seed: 3 });
    for (let round = 0; round < 4; round += 1) {
      expect((await patient.deductTokens(org, member, "generate_insight")).success).toBe(true);
    }
    await local.faults({});
    expect(await tokens.getTokenBalance(org, "general")).toBe(46);
  });

  it("throws if the service is not there: an outage is not an empty pool", async () => {
    const nowhere = aiTokens({ ...local.connection, baseUrl: "http://127.0.0.1:9", retries: 0 });
    await expect(nowhere.hasEnoughTokens("acme", "generate_goal")).rejects.toMatchObject({ code: "UNREACHABLE" });
    await expect(nowhere.deductTokens("acme", null, "generate_goal")).rejects.toMatchObject({ code: "UNREACHABLE" });
    await expect(nowhere.getTokenStats("acme")).rejects.toMatchObject({ code: "UNREACHABLE" });
  });
});

describe("with an access token", () => {
  it("sees and spends what its organization has, and nothing of others (BO-08)", async () => {
    const { org, member } = await organization("pro");
    const { org: other } = await organization("pro");
    const mine = aiTokens({ baseUrl: local.baseUrl, accessToken: await accessToken({ organizationId: org, userId: member }) });
    expect(await mine.deductTokens(org, null, "generate_goal")).toEqual({ success: true, remainingBalance: 17, message: "Used 3 tokens for generate_goal" });
    expect(await mine.getTokenStats(other)).toBeNull();
    expect(await mine.deductTokens(other, null, "generate_goal")).toMatchObject({ success: false, message: "Forbidden - no access to this organization" });
    const types: TokenType[] = ["lead_generation", "goal_generation", "strategy_analysis", "forecast", "general"];
    expect(Object.keys(await mine.getAllTokenBalances(org)).sort()).toEqual([...types].sort());
  });

  it("asks its provider again when the token has ended", async () => {
    const { org } = await organization("pro");
    let asked = 0;
    const mine = aiTokens({
      baseUrl: local.baseUrl,
      accessToken: async () => {
        asked += 1;
        return accessToken({ organizationId: org, expiresInSeconds: 60 });
      },
    });
    expect(await mine.getTokenBalance(org, "general")).toBe(50);
    expect(await mine.getTokenBalance(org, "general")).toBe(50);
    expect(asked).toBe(1);
    await local.advance(61);
    expect(await mine.deductTokens(org, null, "generate_insight")).toMatchObject({ success: true, remainingBalance: 49 });
    expect(asked).toBe(2);
    const ended = aiTokens({ baseUrl: local.baseUrl, accessToken: "ltlm_access_0" });
    expect(await ended.deductTokens(org, null, "generate_insight")).toMatchObject({ success: false, message: "Unauthorized - no user session" });
  });
});

describe("the two endpoints, as seed 004 calls them", () => {
  const post = (token: string | undefined, body: unknown) =>
    fetch(`${local.baseUrl}/api/v1/tokens/check-balance`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });

  it("answers in the seed's shapes (BO-04, BO-05, BO-09)", async () => {
    const { org, member } = await organization("pro");
    const token = await accessToken({ organizationId: org, userId: member });
    const ask = { organizationId: org, featureUsed: "generate_goal" };
    expect(await (await post(token, { ...ask, action: "check" })).json()).toEqual({ hasTokens: true });
    expect(await (await post(token, { ...ask, action: "deduct" })).json()).toEqual({
      success: true,
      remainingBalance: 17,
      message: "Used 3 tokens for generate_goal",
    });
    const refused = async (answer: Response) => [answer.status, ((await answer.json()) as { message: string }).message];
    expect(await refused(await post(token, { organizationId: org, action: "check" }))).toEqual([400, "Missing organizationId or featureUsed"]);
    expect(await refused(await post(token, { ...ask, action: "take" }))).toEqual([400, 'Invalid action. Use "check" or "deduct"']);
    expect(await refused(await post(undefined, { ...ask, action: "deduct" }))).toEqual([401, "Unauthorized - no user session"]);
    const stats = await fetch(`${local.baseUrl}/api/v1/tokens/stats?organizationId=${org}`, { headers: { authorization: `Bearer ${token}` } });
    expect(await stats.json()).toMatchObject({ totalBalance: 247, totalUsed: 3, byType: expect.arrayContaining([expect.objectContaining({ tokenType: "forecast" })]) });
  });
});

describe("the manual test flow of seed 004", () => {
  it("checks, does the work, deducts, and shows what is left", async () => {
    const { org, member } = await organization("pro");
    const log: string[] = [];
    const quest = async (): Promise<string> => {
      const { plan } = await local.call<{ plan: string }>("GET", `/v1/organizations/${org}`);
      if (plan === "starter") {
        return "Feature not available on Starter";
      }
      if (!(await tokens.hasEnoughTokens(org, "generate_goal"))) {
        return "Out of tokens. Upgrade or wait for refresh.";
      }
      const goal = `goal ${log.length + 1}`;
      const result = await tokens.deductTokens(org, member, "generate_goal", { goal });
      log.push(`Deducted ${TOKEN_COSTS.generate_goal} tokens`);
      return `Goal created! ${result.remainingBalance} tokens left`;
    };
    expect(await quest()).toBe("Goal created! 17 tokens left");
    expect(log).toEqual(["Deducted 3 tokens"]);
    expect(await tokens.getTokenBalance(org, "goal_generation")).toBe(17);
    // Other plans are tested as the seed does. What is unspent is not taken away by a plan that gives nothing.
    await local.call("PUT", `/v1/organizations/${org}/plan`, { plan: "starter" });
    expect(await quest()).toBe("Feature not available on Starter");
    await local.call("PUT", `/v1/organizations/${org}/plan`, { plan: "pro" });
    // A plan that gives more fills the pool up to what it gives.
    expect(await quest()).toBe("Goal created! 17 tokens left");
    while ((await quest()) !== "Out of tokens. Upgrade or wait for refresh.") {
      expect(log.length).toBeLessThan(8);
    }
    // The usage log, by feature.
    const usage = await local.call<{ entries: { operationType: string; amount: number }[] }>(
      "GET",
      `/v1/organizations/${org}/usage?tokenType=goal_generation`,
    );
    const goals = usage.entries.filter((entry) => entry.operationType === "generate_goal");
    expect([goals.length, goals.reduce((sum, entry) => sum + entry.amount, 0)]).toEqual([7, -21]);
  });
});

import { Hono } from "hono";

import { OrganizationService, aiTokens, type ConnectionOptions } from "@ltlm/server";

import { accounting, type Surroundings, type Tier } from "./accounting.js";

/** The service over HTTP. Who calls stands in the header `x-user`: put your sign-in in its place. */
export function app(connection: ConnectionOptions, surroundings: Surroundings): Hono {
  const cases = accounting(connection, surroundings);
  const organizations = new OrganizationService(connection);
  const ai = aiTokens(connection);
  const server = new Hono();
  const user = (context: { req: { header: (name: string) => string | undefined } }) => context.req.header("x-user") ?? "";

  server.onError((error, context) => {
    const isShort = error.message.startsWith("Insufficient tokens");
    return context.json({ error: error.message }, isShort ? 402 : error.message === "User not found" ? 404 : 502);
  });

  server.post("/users", async (context) => context.json(await cases.tokens.createAccount(user(context), { tier: "Gift" }), 201));
  server.post("/images", async (context) => {
    const { prompt } = await context.req.json<{ prompt: string }>();
    return context.json(await cases.handleImageGeneration(user(context), prompt));
  });
  server.post("/images/patiently", async (context) => {
    const { prompt } = await context.req.json<{ prompt: string }>();
    return context.json(await cases.processGenerationWithRetry(user(context), prompt, 3, 10));
  });
  server.post("/chat", async (context) => {
    const { message } = await context.req.json<{ message: string }>();
    const told = await cases.handleChatMessage(user(context), message);
    return context.json(told, "error" in told ? 402 : 200);
  });
  server.post("/subscriptions", async (context) => {
    const { tier, paymentId } = await context.req.json<{ tier: Tier; paymentId: string }>();
    return context.json(await cases.handleSubscriptionPurchase(user(context), tier, paymentId));
  });
  server.get("/balance", async (context) => context.json(await cases.getUserBalance(user(context))));
  server.get("/history", async (context) => {
    const { page, limit } = context.req.query();
    return context.json(await cases.getTransactionHistory(user(context), Number(page ?? 1), Number(limit ?? 20)));
  });
  server.get("/statistics", async (context) => {
    const { from, to } = context.req.query();
    return context.json(await cases.getUserStatistics(user(context), new Date(from ?? 0), new Date(to ?? Date.now())));
  });
  server.get("/report", async (context) => {
    const { now } = context.req.query();
    return context.json(await cases.generateMonthlyReport(user(context), new Date(now ?? Date.now())));
  });
  server.post("/spend", async (context) => {
    const { operationType, amount } = await context.req.json<{ operationType: string; amount: number }>();
    return context.json(await cases.safeTokenOperation(user(context), operationType, amount));
  });
  // An administrator's.
  server.post("/admin/renewals/:userId", async (context) => context.json(await cases.renewUserManually(context.req.param("userId"))));
  server.post("/admin/renewals", async (context) => context.json(await cases.runMonthlyRenewal()));
  server.get("/admin/renewals", async (context) => context.json(await cases.testRenewalProcess()));
  server.post("/admin/bonuses/:userId", async (context) => {
    const { amount, reason } = await context.req.json<{ amount: number; reason: string }>();
    return context.json(await cases.awardBonusTokens(context.req.param("userId"), amount, reason));
  });

  // Seed 004: an organization's page. It gets a token of its own, which opens this organization and nothing else.
  server.post("/organizations/:organizationId/session", async (context) => {
    const organizationId = context.req.param("organizationId");
    const { accessToken } = await organizations.createAccessToken({ organizationId, userId: user(context), expiresInSeconds: 600 });
    return context.json({ accessToken });
  });
  server.post("/organizations/:organizationId/goals", async (context) => {
    const organizationId = context.req.param("organizationId");
    if (!(await ai.hasEnoughTokens(organizationId, "generate_goal"))) {
      return context.json({ error: "Out of tokens. Upgrade or wait for refresh." }, 402);
    }
    const goal = await surroundings.chat("A goal for this quarter");
    const result = await ai.deductTokens(organizationId, user(context), "generate_goal", { goal });
    return context.json({ goal, ...result }, result.success ? 200 : 402);
  });
  return server;
}

import { expect, it } from "vitest";

import { LtlmError, TokenService } from "@ltlm/server";

/** A service that answers every call alike, and what it was sent. */
function standIn(status: number, answer: unknown): { service: TokenService; sent: { path: string; body: unknown }[] } {
  const sent: { path: string; body: unknown }[] = [];
  const service = new TokenService({
    baseUrl: "https://ltlm.example",
    key: `ltlm_admin_${"0".repeat(32)}`,
    projectId: "prj_1",
    retries: 0,
    fetch: async (request) => {
      sent.push({ path: new URL(request.url).pathname, body: JSON.parse((await request.text()) || "null") });
      return Response.json(answer, { status });
    },
  });
  return { service, sent };
}

const entry = {
  operationId: "op-1",
  sequence: 2,
  operationType: "image_generation",
  category: "spent",
  amount: -10,
  balanceBefore: 100,
  balanceAfter: 90,
  occurredAt: "2026-01-04T00:00:00.000Z",
  recordedAt: "2026-01-04T00:00:00.000Z",
  hash: "0".repeat(64),
  previousHash: "0".repeat(64),
};

it("lets a unit test answer in the service's place (example 15 of seed 002)", async () => {
  const { service, sent } = standIn(200, { success: true, newBalance: 90, tokensSpent: 60, ledgerEntryId: "op-1", entry, replayed: false });
  const result = await service.chargeForOperation("user-1", "image_generation");
  expect(result).toMatchObject({ success: true, newBalance: 90, ledgerEntryId: "op-1" });
  expect(sent).toMatchObject([{ path: "/v1/accounts/user-1/charge", body: { operationType: "image_generation" } }]);
});

it("lets a unit test answer an outage", async () => {
  const { service } = standIn(503, { message: "Service Unavailable" });
  expect(await service.chargeForOperation("user-1", "image_generation")).toMatchObject({ success: false, tokensSpent: 0 });
  await expect(service.getBalance("user-1")).rejects.toBeInstanceOf(LtlmError);
});

import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { TokenService, WebhookVerificationError, verifyWebhook } from "@ltlm/server";

import { startLocal, type Local } from "./support/local.js";

let local: Local;

beforeAll(async () => {
  local = await startLocal({ isScheduled: true });
});
afterAll(() => local.stop());

/** A message as it came. */
interface Message {
  headers: IncomingHttpHeaders;
  body: string;
}

/** The first message that a new webhook for this kind is sent once `act` was done, and its secret. */
async function received(kind: string, act: () => Promise<unknown>): Promise<{ message: Message; secret: string }> {
  let tell: (message: Message) => void = () => undefined;
  const told = new Promise<Message>((resolve) => (tell = resolve));
  const server = createServer((request, answer) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      answer.end();
      tell({ headers: request.headers, body });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const made = await local.call<{ secret: string }>("POST", `/v1/admin/projects/${local.projectId}/webhooks`, { url, kinds: [kind] });
    await act();
    return { message: await told, secret: made.secret };
  } finally {
    server.close();
  }
}

describe("messages of the service", () => {
  it("are verified, typed, and refused when they are not its own", async () => {
    await local.call("POST", "/v1/accounts", { accountId: "ada", tier: "Gift", openingBalance: 100 });
    const service = new TokenService(local.connection);
    const { message, secret } = await received("tokens.low", () => service.debit("ada", { operationType: "x", amount: 90 }));
    const { headers, body } = message;
    const notice = await verifyWebhook(secret, headers, body);
    expect(notice).toMatchObject({ type: "tokens.low", messageId: headers["webhook-id"] });
    if (notice.type !== "tokens.low") {
      throw new Error(notice.type);
    }
    expect(notice.data).toMatchObject({ accountId: "ada", amount: -90, balanceBefore: 100, balanceAfter: 10, operationType: "x" });
    const verified = (...arguments_: Parameters<typeof verifyWebhook>) => verifyWebhook(...arguments_);
    // As bytes, with headers as fetch has them, and with two secrets while one is rotated.
    const asFetched = new Headers(Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]));
    await verified(["whsec_AAAA", secret], asFetched, new TextEncoder().encode(body));
    const refused = async (...arguments_: Parameters<typeof verifyWebhook>) =>
      expect(verified(...arguments_)).rejects.toThrow(WebhookVerificationError);
    await refused("whsec_AAAA", headers, body);
    await refused(secret, headers, body.replace("ada", "eve"));
    await refused(secret, { ...headers, "webhook-id": "msg_other" }, body);
    await refused(secret, { ...headers, "webhook-timestamp": String(Number(headers["webhook-timestamp"]) + 1) }, body);
    await refused(secret, { ...headers, "webhook-signature": "v1,!!!! v2,x" }, body);
    await refused(secret, { ...headers, "webhook-timestamp": "soon" }, body);
    await refused(secret, {}, body);
    const sent = Number(headers["webhook-timestamp"]) * 1_000;
    await verified(secret, headers, body, { now: new Date(sent + 300_000) });
    await refused(secret, headers, body, { now: new Date(sent + 301_000) });
    await refused(secret, headers, body, { now: new Date(sent - 301_000) });
  });
});

// One flow of @ltlm/server, with nothing but what every runtime has: `fetch`, `AbortSignal`, WebCrypto. The same in Node.js, Deno, Bun and Workers.
import { TokenLedger, TokenService, verifyWebhook } from "@ltlm/server";

/** Runs it; what each step came to. */
export async function flow({ connection, user, webhook }) {
  const told = [];
  const service = new TokenService({ ...connection, cacheInvalidationCallback: (of) => void told.push(of) });
  await service.createAccount(user, { openingBalance: 20 });
  const charge = await service.chargeForOperation(user, "image_generation");
  const refund = await service.refund(user, 4, { reason: "half" });
  const refused = await service.debit(user, { operationType: "video", amount: 100 });
  const entries = await new TokenLedger(connection).getUserEntries(user);
  const notice = await verifyWebhook(webhook.secret, webhook.headers, webhook.body);
  const forged = await verifyWebhook(webhook.secret, webhook.headers, `${webhook.body} `).catch((error) => error.name);
  const page = await service.createCheckoutSession(user, { packId: "nothing" }).catch((error) => error.code);
  const stopped = await service.getBalance(user, { signal: AbortSignal.abort() }).catch((error) => error.name);
  return {
    balances: [charge.newBalance, refund.newBalance, refused.newBalance],
    refused: refused.code,
    entries: entries.map((entry) => [entry.operationType, entry.tokensAmount]),
    told: told.length,
    notice: notice.type,
    forged,
    page,
    stopped,
  };
}

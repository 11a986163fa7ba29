import type { Schema } from "./connection.js";

/** What can be told. */
export type NoticeKind = Schema<"WebhookData">["kinds"][number];

/** What moved a balance. */
export interface TokenFacts {
  /** The account, if it is one. */
  projectId?: string;
  accountId?: string;
  /** The license, if it is one: SHA-256 of its key, in hex. */
  licenseHash?: string;
  sequence: number;
  amount: number;
  balanceBefore: number;
  balanceAfter: number;
  operationType: string;
  /** Of a use that was not charged: the device. */
  hwid?: string | null;
  /** And what it would have cost. */
  uncharged?: number | null;
}

/** The facts of each kind of notice. */
export type NoticeFacts = {
  [Kind in NoticeKind]: Kind extends `order.${string}`
    ? Schema<"OrderData"> & { projectId: string; payment?: Schema<"UnappliedPayment"> }
    : Kind extends "license.activated"
      ? { licenseHash: string; hwid: string; nickname: string | null }
      : Kind extends "seat.kicked"
        ? { licenseHash: string; hwid: string; notice: Schema<"KickedNotice"> }
        : TokenFacts;
};

/** A notice, by its kind. */
export type Notice = {
  [Kind in NoticeKind]: {
    type: Kind;
    /** When it happened, ISO 8601. */
    timestamp: string;
    data: NoticeFacts[Kind] & { projectId?: string };
    /** The same however often it is sent: tell repetitions by it. */
    messageId: string;
  };
}[NoticeKind];

/** A message that is not the service's, or too old. */
export class WebhookVerificationError extends Error {
  override readonly name = "WebhookVerificationError";
}

export interface VerifyOptions {
  /** Seconds by which the message's time may differ from now. Default: 300. */
  toleranceSeconds?: number;
  /** Now. Default: the clock. */
  now?: Date;
}

/** Headers as `fetch`, Express, Hono and Node have them. */
export type WebhookHeaders = Headers | Record<string, string | string[] | undefined>;

/**
 * The notice that a request to a webhook carries, verified as Standard Webhooks says. `body` is the body as it came, before any
 * parsing; of several secrets one must have signed it.
 *
 * @throws WebhookVerificationError if it is not the service's, was changed, or is too old.
 */
export async function verifyWebhook(
  secret: string | readonly string[],
  headers: WebhookHeaders,
  body: string | Uint8Array,
  options: VerifyOptions = {},
): Promise<Notice> {
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  const [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => header(headers, name));
  if (id === undefined || timestamp === undefined || signatures === undefined) {
    throw new WebhookVerificationError("A header of the signature is missing.");
  }
  const seconds = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : NaN;
  const age = Math.abs((options.now?.getTime() ?? Date.now()) / 1_000 - seconds);
  if (!(age <= (options.toleranceSeconds ?? 300))) {
    throw new WebhookVerificationError("The message is too old, or from the future.");
  }
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${text}`);
  for (const one of typeof secret === "string" ? [secret] : secret) {
    const key = await crypto.subtle.importKey("raw", bytes(one.replace(/^whsec_/, "")), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    for (const signature of signatures.split(" ")) {
      const [version, value] = signature.split(",", 2);
      // Compares in constant time.
      if (version === "v1" && value !== undefined && (await crypto.subtle.verify("HMAC", key, bytes(value), signed))) {
        return { ...(JSON.parse(text) as Notice), messageId: id };
      }
    }
  }
  throw new WebhookVerificationError("No signature fits.");
}

function header(headers: WebhookHeaders, name: string): string | undefined {
  if (headers instanceof Headers) {
    return headers.get(name) ?? undefined;
  }
  const found = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  return Array.isArray(found) ? found[0] : found;
}

/** What base64 stands for; nothing if it is none. */
function bytes(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

import createClient, { type Client } from "openapi-fetch";

import { LtlmError, UNREACHABLE } from "./errors.js";
import type { components, paths } from "./openapi.js";

/** Where the service is, and how patiently it is called. */
export interface TransportOptions {
  /** The service's address, such as `https://….execute-api.eu-central-1.amazonaws.com`. */
  baseUrl: string;
  /** Milliseconds that one attempt may take. Default: 10 000. */
  timeoutMs?: number;
  /** Further attempts after the first. Default: 4. */
  retries?: number;
  /** Milliseconds before the second attempt, at most; each further pause may be twice as long. Default: 200. */
  backoffMs?: number;
  /** Used in place of the global `fetch`. */
  fetch?: (request: Request) => Promise<Response>;
}

/** What a vendor's backend connects with. */
export interface ConnectionOptions extends TransportOptions {
  /** An administrator key with the scope `tokens`. */
  key: string;
  /** The project; a key that is limited to one need not name it. */
  projectId?: string;
}

/** What every call takes. */
export interface CallOptions {
  /** Gives the call up. What it asked for may have been done all the same. */
  signal?: AbortSignal;
}

/** What every call takes that changes something. */
export interface OperationOptions extends CallOptions {
  /**
   * Names the operation: it is done once, however often it is sent. Made for each call if it is absent, and kept over that call's
   * attempts. Give your own to be safe over restarts of your program as well.
   */
  operationId?: string;
}

/** What a payment page is opened for. */
export interface CheckoutSessionOptions extends CallOptions {
  /** The pack, as the project's settings list it (`accounts.packs`, `organizations.packs`). */
  packId: string;
  /** Filled in on the payment page. */
  customerEmail?: string;
  /** Where the browser goes afterwards, with `session_id` and `status` (`success` or `cancelled`) in its query. */
  redirectUrl?: string;
  /**
   * Names the order: sent again it leads to the same page, and nobody pays it twice. Without one each call opens a page, and of the pages that
   * are open at once for the same pack one sells; what is paid on the others goes back.
   */
  operationId?: string;
}

/** A payment page. */
export interface CheckoutSession {
  /** The payment provider's name of it; null if nothing is to be paid any more. */
  id: string | null;
  /** Where the customer pays. */
  url: string;
}

/** The body that asks for a payment page. */
export function checkoutBody(options: CheckoutSessionOptions): Omit<CheckoutSessionOptions, "signal"> {
  const { signal: _, ...body } = options;
  return body;
}

/** A payment page as callers see it. */
export function checkoutSession(answer: Schema<"CheckoutAnswer"> | { dryRun: true }): CheckoutSession {
  if (!("checkoutUrl" in answer)) {
    throw new TypeError("The service answered with no payment page.");
  }
  return { id: answer.sessionId ?? null, url: answer.checkoutUrl };
}

/** The typed client of the service. */
export type Api = Client<paths>;

/** A schema of the OpenAPI document. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

/** Statuses that come of the moment. */
const PASSING = new Set([429, 500, 502, 503, 504]);
/** The longest pause between two attempts. If the service asks for a longer one, its refusal is the answer. */
const PAUSE_MS_MAX = 30_000;

// Required by CommonJS, the module stands where its default export is expected.
const makeClient = ("default" in createClient ? createClient.default : createClient) as typeof createClient;

/** Connects with an administrator key. */
export function connect(options: ConnectionOptions): Api {
  const headers: Record<string, string> = { authorization: `Bearer ${options.key}` };
  if (options.projectId !== undefined) {
    headers["x-project-id"] = options.projectId;
  }
  return open(options, headers);
}

/** Connects with these headers. */
export function open(options: TransportOptions, headers: Record<string, string>): Api {
  return makeClient<paths>({
    baseUrl: options.baseUrl.replace(/\/+$/, ""),
    headers,
    fetch: (request) => patiently(options, request),
  });
}

/** A new operation id. */
export function newOperationId(): string {
  return crypto.randomUUID();
}

/** Sends a request until it is answered for good. Every request may be sent again: what it changes has an operation id. */
async function patiently(options: TransportOptions, request: Request): Promise<Response> {
  const send = options.fetch ?? ((once: Request) => fetch(once));
  const retries = options.retries ?? 4;
  // Not every browser tells by `request.body` whether there is one.
  const text = await request.text();
  const body = text === "" ? null : text;
  for (let attempt = 0; ; attempt += 1) {
    let pause = jitter((options.backoffMs ?? 200) * 2 ** attempt);
    const limit = new AbortController();
    const clock = setTimeout(() => limit.abort(new DOMException("No answer in time", "TimeoutError")), options.timeoutMs ?? 10_000);
    try {
      const signal = AbortSignal.any([request.signal, limit.signal]);
      const once = new Request(request.url, { method: request.method, headers: request.headers, body, signal });
      const answer = await send(once);
      const asked = Number(answer.headers.get("retry-after") ?? 0) * 1_000;
      if (!PASSING.has(answer.status) || attempt >= retries || asked > PAUSE_MS_MAX) {
        // Read while the limit holds: an answer may begin and never end.
        const told = answer.status === 204 ? null : await answer.arrayBuffer();
        return new Response(told, { status: answer.status, statusText: answer.statusText, headers: answer.headers });
      }
      await answer.body?.cancel();
      pause = Math.max(pause, asked);
    } catch (error) {
      request.signal.throwIfAborted();
      if (attempt >= retries) {
        throw new LtlmError(reason(error), { code: UNREACHABLE, status: 0, retryable: true, cause: error });
      }
    } finally {
      clearTimeout(clock);
    }
    await sleep(Math.min(pause, PAUSE_MS_MAX), request.signal);
  }
}

function jitter(most: number): number {
  return most / 2 + (Math.random() * most) / 2;
}

function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `The service did not answer: ${text}${cause}`;
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const clock = setTimeout(done, ms);
    signal.addEventListener("abort", stop, { once: true });
    function done() {
      signal.removeEventListener("abort", stop);
      resolve();
    }
    function stop() {
      clearTimeout(clock);
      reject(signal.reason as Error);
    }
    if (signal.aborted) {
      stop();
    }
  });
}

/** The answer, or the failure thrown. */
export async function answered<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) {
    throw LtlmError.of(response, error);
  }
  return data as T;
}

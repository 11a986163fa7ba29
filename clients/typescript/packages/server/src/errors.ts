import type { components } from "./openapi.js";

/** A code that the service refuses with. */
export type ErrorCode = components["schemas"]["ErrorBody"]["code"];

/** The code of a call that no answer came to. Whether it was done is not known; the same operation id asks again safely. */
export const UNREACHABLE = "UNREACHABLE";

/** A call that failed. */
export class LtlmError extends Error {
  override readonly name = "LtlmError";
  /** What happened, for programs. */
  readonly code: ErrorCode | typeof UNREACHABLE;
  /** The HTTP status; 0 if there was no answer. */
  readonly status: number;
  /** May the same request succeed later, unchanged? */
  readonly retryable: boolean;
  /** The figures behind a refusal: see each code in the OpenAPI document. */
  readonly details: Readonly<Record<string, unknown>>;
  /** What the gateway calls the request. */
  readonly requestId: string | undefined;

  constructor(
    message: string,
    facts: {
      code: ErrorCode | typeof UNREACHABLE;
      status: number;
      retryable?: boolean;
      details?: Record<string, unknown> | undefined;
      requestId?: string | undefined;
      cause?: unknown;
    },
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = facts.code;
    this.status = facts.status;
    this.retryable = facts.retryable ?? false;
    this.details = facts.details ?? {};
    this.requestId = facts.requestId;
  }

  /** The failure that an answer tells. */
  static of(response: Response, body: unknown): LtlmError {
    const told = typeof body === "object" && body !== null ? (body as Partial<components["schemas"]["ErrorBody"]>) : {};
    return new LtlmError(told.message ?? `The service answered ${response.status}.`, {
      code: told.code ?? (response.status < 500 ? "BAD_REQUEST" : "INTERNAL"),
      status: response.status,
      retryable: told.retryable ?? false,
      details: told.details as Record<string, unknown> | undefined,
      requestId: response.headers.get("x-request-id") ?? undefined,
    });
  }
}

/** Is it a refusal of the service with one of these codes? */
export function isRefusal(error: unknown, ...codes: ErrorCode[]): error is LtlmError {
  return error instanceof LtlmError && (codes as string[]).includes(error.code);
}

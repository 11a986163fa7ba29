import {
  answered,
  checkoutBody,
  checkoutSession,
  connect,
  newOperationId,
  type Api,
  type CallOptions,
  type CheckoutSession,
  type CheckoutSessionOptions,
  type ConnectionOptions,
  type OperationOptions,
  type Schema,
} from "./connection.js";
import { LtlmError, isRefusal, type ErrorCode, type UNREACHABLE } from "./errors.js";
import { entryOf, type LedgerEntry, TokenLedger } from "./token-ledger.js";

/** Free-form facts, kept with a ledger entry: at most 4,096 bytes of compact JSON. */
export type Metadata = Record<string, unknown>;

/** What an operation came to, told to `metricsCallback`. */
export interface TokenMetrics {
  operation: "debit" | "credit" | "reset_balance";
  userId: string;
  /** Tokens, positive; of `reset_balance` the new balance. */
  amount: number;
  success: boolean;
  /** Milliseconds. */
  duration: number;
  error?: string;
}

/** What is called after each operation that reached the service, refused ones included. */
export interface TokenCallbacks {
  /** The balance of a user may have changed: awaited before the operation's result is given. */
  cacheInvalidationCallback?: (userId: string) => void | Promise<void>;
  /** What the operation came to. */
  metricsCallback?: (metrics: TokenMetrics) => void | Promise<void>;
  /** One of the two failed. The operation's result stays what it is. */
  onCallbackError?: (error: unknown) => void;
}

export interface TokenServiceOptions extends ConnectionOptions, TokenCallbacks {}

/** A user's balance. */
export interface TokenBalance {
  userId: string;
  /** What can be spent now; below zero if overdrawn. */
  tokensBalance: number;
  /** Spent in all the account's life, less what was refunded. */
  tokensSpent: number;
  /** The plan, by name. */
  tier: string;
  /** When the period of the present allocation began. */
  lastRenewalAt: Date | null;
}

/** An operation that was done. */
export interface TokenOperationDone {
  success: true;
  newBalance: number;
  tokensSpent: number;
  /** The ledger entry's id: the operation's id. */
  ledgerEntryId: string;
  /** It had been done before, under the same operation id. */
  replayed: boolean;
  entry: LedgerEntry;
  /** Of a refund: the operations whose tokens were given back, newest first. */
  refunded?: { operationId: string; amount: number; ledgerEntryId: string }[];
  error?: undefined;
}

/** An operation that was not done, or of which no answer came. */
export interface TokenOperationFailed {
  success: false;
  /** The balance as the refusal tells it; 0 if it tells none. */
  newBalance: number;
  /** Not told with refusals. */
  tokensSpent: number;
  error: string;
  /** The service's code, `UNREACHABLE` if no answer came; absent if the arguments were refused before a call. */
  code?: ErrorCode | typeof UNREACHABLE;
  /** The figures behind the refusal. */
  details?: Readonly<Record<string, unknown>>;
  /** Names the operation: the same call with it is safe to repeat. */
  operationId?: string;
  ledgerEntryId?: undefined;
}

export type TokenOperationResult = TokenOperationDone | TokenOperationFailed;

export interface DebitOptions extends OperationOptions {
  /** What it is for. */
  operationType: string;
  /** Tokens: a whole number from 1 to 1,000,000,000. */
  amount: number;
  /** May the balance fall below zero, as far as the account's `overdraftLimit`? Default: no. */
  allowOverdraft?: boolean;
  metadata?: Metadata;
}

export interface CreditOptions extends OperationOptions {
  operationType: string;
  amount: number;
  /** The tokens lapse at this instant, if they are not spent. */
  expiresAt?: Date;
  metadata?: Metadata;
}

export interface ResetOptions extends OperationOptions {
  /** Default: `monthly_reset`. */
  operationType?: string;
  metadata?: Metadata;
}

export interface PlanOptions extends OperationOptions {
  /** The plan ends at this instant. Default: it does not. */
  tierEndsAt?: Date;
  metadata?: Metadata;
}

export interface AccountOptions extends OperationOptions {
  /** The plan, by name. Default: the service's first one. */
  tier?: string;
  tierEndsAt?: Date;
  /** In place of the plan's first allocation. */
  openingBalance?: number;
  /** Tokens it may go into debt by, where a debit allows it. Default: 0. */
  overdraftLimit?: number;
}

/** Could a user pay for something? */
export interface Affordability {
  canAfford: boolean;
  balance: number;
  cost: number;
  /** What is missing, if something is. */
  deficit?: number;
}

type Movement = Schema<"AccountMovement">;

/** Token accounts of users: balances, charges, credits and refunds. Each operation is done once, whatever the network does. */
export class TokenService {
  readonly #api: Api;
  readonly #callbacks: TokenCallbacks;
  readonly #ledger: TokenLedger;

  constructor(options: TokenServiceOptions) {
    this.#api = connect(options);
    this.#callbacks = options;
    this.#ledger = new TokenLedger(options, this.#api);
  }

  /** The balance, or null if there is no such user. */
  async getBalance(userId: string, options: CallOptions = {}): Promise<TokenBalance | null> {
    try {
      const account = await answered(
        this.#api.GET("/v1/accounts/{accountId}", { params: { path: { accountId: userId } }, ...options }),
      );
      return balanceOf(account);
    } catch (error) {
      if (isRefusal(error, "ACCOUNT_NOT_FOUND")) {
        return null;
      }
      throw error;
    }
  }

  /** Makes a user's account. Refusals are thrown, such as `ACCOUNT_EXISTS`. */
  async createAccount(userId: string, options: AccountOptions = {}): Promise<TokenBalance> {
    const { tier, tierEndsAt, openingBalance, overdraftLimit, operationId = newOperationId(), signal } = options;
    const facts = given({ tier, tierEndsAt: tierEndsAt?.toISOString(), openingBalance, overdraftLimit });
    return balanceOf(
      await answered(this.#api.POST("/v1/accounts", { body: { accountId: userId, operationId, ...facts }, ...given({ signal }) })),
    );
  }

  /** Puts a user on a plan that was bought: starts a period with its allocation. What is there stays. */
  async changePlan(userId: string, tier: string, options: PlanOptions = {}): Promise<TokenOperationResult> {
    const { tierEndsAt, metadata, signal } = options;
    return this.#operation("credit", userId, undefined, options, (operationId) =>
      this.#api.POST("/v1/accounts/{accountId}/plan", {
        params: { path: { accountId: userId } },
        body: { tier, operationId, ...given({ tierEndsAt: tierEndsAt?.toISOString(), metadata }) },
        ...given({ signal }),
      }),
    );
  }

  /** Takes tokens, if they are there. */
  async debit(userId: string, options: DebitOptions): Promise<TokenOperationResult> {
    if (options.amount <= 0) {
      return refused("Debit amount must be positive");
    }
    const { operationType, amount, allowOverdraft, metadata, signal } = options;
    return this.#operation("debit", userId, amount, options, (operationId) =>
      this.#api.POST("/v1/accounts/{accountId}/debit", {
        params: { path: { accountId: userId } },
        body: { operationType, amount, operationId, ...given({ allowOverdraft, metadata }) },
        ...given({ signal }),
      }),
    );
  }

  /** Gives tokens. */
  async credit(userId: string, options: CreditOptions): Promise<TokenOperationResult> {
    if (options.amount <= 0) {
      return refused("Credit amount must be positive");
    }
    const { operationType, amount, expiresAt, metadata, signal } = options;
    return this.#operation("credit", userId, amount, options, (operationId) =>
      this.#api.POST("/v1/accounts/{accountId}/credit", {
        params: { path: { accountId: userId } },
        body: { operationType, amount, operationId, ...given({ expiresAt: expiresAt?.toISOString(), metadata }) },
        ...given({ signal }),
      }),
    );
  }

  /** Takes what an operation costs by the project's prices. */
  async chargeForOperation(
    userId: string,
    operationType: string,
    metadata?: Metadata,
    options: OperationOptions = {},
  ): Promise<TokenOperationResult> {
    return this.#operation("debit", userId, undefined, options, (operationId) =>
      this.#api.POST("/v1/accounts/{accountId}/charge", {
        params: { path: { accountId: userId } },
        body: { operationType, operationId, ...given({ metadata }) },
        ...given({ signal: options.signal }),
      }),
    );
  }

  /** Could the user pay for this operation? Nothing is set aside. */
  async canAfford(userId: string, operationType: string, options: CallOptions = {}): Promise<Affordability> {
    const { canAfford, balance, cost, deficit } = await answered(
      this.#api.GET("/v1/accounts/{accountId}/affordability", {
        params: { path: { accountId: userId }, query: { operationType } },
        ...options,
      }),
    );
    return { canAfford, balance, cost, ...(deficit == null ? {} : { deficit }) };
  }

  /**
   * Gives tokens back. With `metadata.originalOperationId` those of that operation, else those of the newest charges that have not
   * been refunded; the result names them. Never more than was spent: a refund of more is refused whole.
   */
  async refund(
    userId: string,
    amount: number,
    metadata: Metadata & { reason?: string; originalOperationId?: string } = {},
    options: OperationOptions = {},
  ): Promise<TokenOperationResult> {
    if (amount <= 0) {
      return refused("Credit amount must be positive");
    }
    const { reason, originalOperationId, ...facts } = metadata;
    return this.#operation("credit", userId, amount, options, (operationId) =>
      this.#api.POST("/v1/accounts/{accountId}/refund", {
        params: { path: { accountId: userId } },
        body: {
          amount,
          operationId,
          ...given({ originalOperationId, reason, metadata: Object.keys(facts).length > 0 ? facts : undefined }),
        },
        ...given({ signal: options.signal }),
      }),
    );
  }

  /** Opens a page on which a pack of tokens is paid; the user gets them when the payment provider says that it is. Refusals are thrown. */
  async createCheckoutSession(userId: string, options: CheckoutSessionOptions): Promise<CheckoutSession> {
    const { signal } = options;
    const request = { params: { path: { accountId: userId } }, body: checkoutBody(options), ...given({ signal }) };
    return checkoutSession(await answered(this.#api.POST("/v1/accounts/{accountId}/checkout-link", request)));
  }

  /** Sets the balance. */
  async resetBalance(userId: string, newBalance: number, options: ResetOptions = {}): Promise<TokenOperationResult> {
    if (newBalance < 0) {
      return refused("Balance cannot be negative");
    }
    const { operationType = "monthly_reset", metadata, signal } = options;
    return this.#operation("reset_balance", userId, newBalance, options, (operationId) =>
      this.#api.POST("/v1/accounts/{accountId}/reset", {
        params: { path: { accountId: userId } },
        body: { balance: newBalance, operationType, operationId, ...given({ metadata }) },
        ...given({ signal }),
      }),
    );
  }

  /** The ledger of all users. */
  getLedger(): TokenLedger {
    return this.#ledger;
  }

  /** Does an operation under one id, tells the callbacks, and answers what became of it. Only an abort is thrown. */
  async #operation(
    operation: TokenMetrics["operation"],
    userId: string,
    amount: number | undefined,
    options: OperationOptions,
    send: (operationId: string) => Promise<{ data?: Movement; error?: unknown; response: Response }>,
  ): Promise<TokenOperationResult> {
    options.signal?.throwIfAborted();
    const operationId = options.operationId ?? newOperationId();
    const started = performance.now();
    let result: TokenOperationResult;
    let thrown: { error: unknown } | undefined;
    try {
      result = done(userId, await answered(send(operationId)));
    } catch (error) {
      thrown = error instanceof LtlmError ? undefined : { error };
      result = failed(error, operationId);
    }
    const metrics: TokenMetrics = {
      operation,
      userId,
      amount: amount ?? amountOf(result),
      success: result.success,
      duration: performance.now() - started,
      ...(result.success ? {} : { error: result.error }),
    };
    await this.#tell(() => this.#callbacks.cacheInvalidationCallback?.(userId));
    await this.#tell(() => this.#callbacks.metricsCallback?.(metrics));
    if (thrown !== undefined) {
      throw thrown.error;
    }
    return result;
  }

  async #tell(callback: () => void | Promise<void> | undefined): Promise<void> {
    try {
      await callback();
    } catch (error) {
      this.#callbacks.onCallbackError?.(error);
    }
  }
}

/** The members that are there. */
export function given<T extends Record<string, unknown>>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function balanceOf(account: Schema<"AccountData">): TokenBalance {
  return {
    userId: account.accountId,
    tokensBalance: account.tokensBalance,
    tokensSpent: account.tokensSpent,
    tier: account.tier,
    lastRenewalAt: account.lastRenewalAt == null ? null : new Date(account.lastRenewalAt),
  };
}

function done(userId: string, movement: Movement): TokenOperationDone {
  const { newBalance, tokensSpent, ledgerEntryId, replayed, entry, refunded } = movement;
  return {
    success: true,
    newBalance,
    tokensSpent,
    ledgerEntryId,
    replayed,
    entry: entryOf(userId, entry),
    ...(refunded == null ? {} : { refunded }),
  };
}

function refused(error: string): TokenOperationFailed {
  return { success: false, newBalance: 0, tokensSpent: 0, error };
}

function failed(error: unknown, operationId: string): TokenOperationFailed {
  if (!(error instanceof LtlmError)) {
    return { ...refused(error instanceof Error ? error.message : String(error)), operationId };
  }
  const { balance } = error.details;
  return {
    ...refused(error.message),
    newBalance: typeof balance === "number" ? balance : 0,
    code: error.code,
    details: error.details,
    operationId,
  };
}

/** What was charged, or would have been. */
function amountOf(result: TokenOperationResult): number {
  if (result.success) {
    return Math.abs(result.entry.tokensAmount);
  }
  const required = result.details?.["required"];
  return typeof required === "number" ? required : 0;
}

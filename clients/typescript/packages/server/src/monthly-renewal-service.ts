import { answered, connect, newOperationId, type Api, type CallOptions, type ConnectionOptions, type OperationOptions, type Schema } from "./connection.js";
import { LtlmError, isRefusal } from "./errors.js";
import { given } from "./token-service.js";

/** Could a user be renewed now? */
export interface RenewalEligibility {
  eligible: boolean;
  /** If not, why. */
  reason?: string;
  tier?: string;
  /** Days until the next allocation, begun ones counted. */
  daysUntilRenewal?: number;
  nextRenewalDate?: Date;
  lastRenewalAt?: Date;
}

/** What a renewal did, or would do. */
export interface RenewalResult {
  success: boolean;
  userId: string;
  tier: string;
  tokensAdded: number;
  previousBalance: number;
  newBalance: number;
  /** Why nothing was given, if nothing was. */
  error?: string;
}

export interface BatchRenewalOptions extends OperationOptions {
  /** Only users on this plan. */
  tier?: string;
  /** Users at most who are due; those who are not do not count. Default: all. */
  limit?: number;
  /** Write nothing, and tell what would be done. */
  dryRun?: boolean;
  /** Go on behind a renewal that fails. Default: no. */
  continueOnError?: boolean;
}

export interface BatchRenewalResult {
  /** Users who were due. */
  totalProcessed: number;
  successful: number;
  failed: number;
  /** With nothing due any more, or on another plan. */
  skipped: number;
  /** Why some failed. A `userId` of `batch` stands for the call itself: what is told beside it was done. */
  errors: { userId: string; error: string }[];
  renewals: RenewalResult[];
}

/** Users that one call of the service renews at most. */
const BATCH = 1_000;
/** Users of one answer. */
const PAGE = 100;

/**
 * Allocations of token accounts. The service gives each by itself when its period begins: calls are for those who do not want to
 * wait for the schedule, for dry runs and for tests.
 */
export class MonthlyRenewalService {
  readonly #api: Api;

  constructor(options: ConnectionOptions) {
    this.#api = connect(options);
  }

  /** Is an allocation due? */
  async checkEligibility(userId: string, options: CallOptions = {}): Promise<RenewalEligibility> {
    try {
      const told = await answered(
        this.#api.GET("/v1/accounts/{accountId}/renewal", { params: { path: { accountId: userId } }, ...options }),
      );
      return {
        eligible: told.eligible,
        tier: told.tier,
        ...(told.reason == null ? {} : { reason: told.reason }),
        ...(told.daysUntilRenewal == null ? {} : { daysUntilRenewal: told.daysUntilRenewal }),
        ...(told.nextRenewalDate == null ? {} : { nextRenewalDate: new Date(told.nextRenewalDate) }),
        ...(told.lastRenewalAt == null ? {} : { lastRenewalAt: new Date(told.lastRenewalAt) }),
      };
    } catch (error) {
      if (isRefusal(error, "ACCOUNT_NOT_FOUND")) {
        return { eligible: false, reason: error.message };
      }
      throw error;
    }
  }

  /** Gives a user the allocation that is due. */
  async renewUser(userId: string, options: OperationOptions = {}): Promise<RenewalResult> {
    const { operationId = newOperationId(), signal } = options;
    try {
      const told = await answered(
        this.#api.POST("/v1/accounts/{accountId}/renewal", {
          params: { path: { accountId: userId }, header: { "Idempotency-Key": operationId } },
          ...given({ signal }),
        }),
      );
      return renewalOf(told);
    } catch (error) {
      if (!(error instanceof LtlmError)) {
        throw error;
      }
      const nothing = { tokensAdded: 0, previousBalance: 0, newBalance: 0 };
      return { success: false, userId, tier: "Gift", ...nothing, error: error.message };
    }
  }

  /** Gives all users what is due to them, in batches, until `limit` is reached or nobody is left. */
  async renewAllEligible(options: BatchRenewalOptions = {}): Promise<BatchRenewalResult> {
    const { tier, limit = Infinity, dryRun, continueOnError, signal } = options;
    const operationId = options.operationId ?? newOperationId();
    const result: BatchRenewalResult = { totalProcessed: 0, successful: 0, failed: 0, skipped: 0, errors: [], renewals: [] };
    let cursor: string | undefined;
    for (let call = 0; ; call += 1) {
      const left = Math.min(limit - result.totalProcessed, BATCH);
      if (left <= 0) {
        return result;
      }
      try {
        const told = await answered(
          this.#api.POST("/v1/renewals", {
            body: {
              limit: left,
              // A call of its own each, under an id that follows from the whole's.
              operationId: `${operationId}:${call}`,
              ...given({ tier, dryRun, continueOnError, cursor }),
            },
            ...given({ signal }),
          }),
        );
        result.totalProcessed += told.totalProcessed;
        result.successful += told.successful;
        result.failed += told.failed;
        result.skipped += told.skipped;
        result.errors.push(...told.errors.map(({ accountId, error }) => ({ userId: accountId, error })));
        result.renewals.push(...told.renewals.map(renewalOf));
        cursor = told.cursor ?? undefined;
      } catch (error) {
        if (!(error instanceof LtlmError)) {
          throw error;
        }
        result.errors.push({ userId: "batch", error: error.message });
        return result;
      }
      const hasStopped = result.failed > 0 && continueOnError !== true;
      if (cursor === undefined || hasStopped) {
        return result;
      }
    }
  }

  /** The users to whom an allocation is due now. */
  async getUsersDueForRenewal(tier?: string, options: CallOptions = {}): Promise<string[]> {
    const users: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await answered(
        this.#api.GET("/v1/renewals/due", { params: { query: { limit: PAGE, ...given({ tier, cursor }) } }, ...options }),
      );
      // Pools are organizations', not users'.
      users.push(...page.accounts.filter((account) => account.organizationId == null).map((account) => account.accountId));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    return users;
  }

  /** When the seeds' worker runs: daily at 02:00. The service's own schedule does the same, so no worker is needed. */
  getCronExpression(): string {
    return "0 2 * * *";
  }
}

function renewalOf(told: Schema<"Renewal">): RenewalResult {
  const { success, accountId, tier, tokensAdded, previousBalance, newBalance, error } = told;
  return { success, userId: accountId, tier, tokensAdded, previousBalance, newBalance, ...(error == null ? {} : { error }) };
}

import { answered, connect, newOperationId, type Api, type CallOptions, type ConnectionOptions, type OperationOptions, type Schema } from "./connection.js";
import { given, type Metadata } from "./token-service.js";

/** A ledger entry. */
export interface LedgerEntry {
  /** The operation's id. */
  id: string;
  userId: string;
  /** What it was for. */
  operationType: string;
  /** Signed: negative is spent. */
  tokensAmount: number;
  balanceBefore: number;
  balanceAfter: number;
  /** When it was written. */
  createdAt: Date;
  metadata?: Metadata;
  /** Place in the user's ledger, from 1, without gaps. */
  sequence: number;
  category: Schema<"AccountEntry">["category"];
  /** The operation that a refund is of. */
  originalOperationId?: string;
}

/** Which entries. Both ends of the range are inclusive, to the millisecond. */
export interface EntryFilter {
  operationType?: string;
  startDate?: Date;
  endDate?: Date;
}

export interface EntryOptions extends EntryFilter, CallOptions {
  /** Entries at most. Default: all. */
  limit?: number;
  /** Entries to skip first. They are read all the same: for lists that grow use `getUserEntriesPage`. Default: 0. */
  offset?: number;
}

export interface PageOptions extends EntryFilter, CallOptions {
  /** Entries at most, from 1 to 100. Default: 50. */
  limit?: number;
  /** The `nextCursor` of the page before. */
  cursor?: string;
}

/** A page, newest first. With a filter it may be short and yet not the last. */
export interface EntryPage {
  entries: LedgerEntry[];
  nextCursor: string | null;
}

/** What the entries of a range add up to. */
export interface UserStatistics {
  /** Spent; what was refunded is not taken off. */
  totalSpent: number;
  /** Given: allocations, purchases, other credits. */
  totalEarned: number;
  /** Given back. */
  refunded: number;
  /** Ended unspent. */
  expired: number;
  /** Put right, signed. */
  adjusted: number;
  /** What the balance changed by, signed: the sum of all entries. */
  netChange: number;
  /** Entries of any kind. */
  operationCount: number;
  byType: { operationType: string; operationCount: number; totalSpent: number; totalEarned: number; netChange: number }[];
}

/** What `createEntry` writes. */
export interface NewEntry extends OperationOptions {
  userId: string;
  operationType: string;
  /** Signed: negative is a debit, positive a credit. */
  tokensAmount: number;
  metadata?: Metadata;
}

/** Entries of a type, of all users. */
export interface EntriesByTypeOptions extends EntryOptions {
  /** Told after each answer of the service: how many entries were found so far. */
  onProgress?: (progress: { entries: number }) => void;
}

/** How far an erasure over all users has come. */
export interface ErasureProgress {
  /** Accounts that are done, pools of organizations among them. */
  users: number;
  /** Entries whose facts were erased. */
  entries: number;
}

export interface ErasureOptions extends OperationOptions {
  /** Told after each call of the service. */
  onProgress?: (progress: ErasureProgress) => void;
}

/** Rows of one answer. */
const PAGE = 100;

/** The ledgers of users: what moved their balances. */
export class TokenLedger {
  readonly #api: Api;

  /** `api` shares a connection that there is. */
  constructor(options: ConnectionOptions, api: Api = connect(options)) {
    this.#api = api;
  }

  /** Writes an entry, as the debit or the credit that it is. Refusals are thrown. */
  async createEntry(entry: NewEntry): Promise<LedgerEntry> {
    const { userId, operationType, tokensAmount, metadata, signal } = entry;
    if (tokensAmount === 0) {
      throw new RangeError("An entry moves tokens: its amount is not 0.");
    }
    const request = {
      params: { path: { accountId: userId } },
      body: {
        operationType,
        amount: Math.abs(tokensAmount),
        operationId: entry.operationId ?? newOperationId(),
        ...given({ metadata }),
      },
      ...given({ signal }),
    };
    const sent =
      tokensAmount < 0
        ? this.#api.POST("/v1/accounts/{accountId}/debit", request)
        : this.#api.POST("/v1/accounts/{accountId}/credit", request);
    return entryOf(userId, (await answered(sent)).entry);
  }

  /** A user's entries, newest first. */
  async getUserEntries(userId: string, options: EntryOptions = {}): Promise<LedgerEntry[]> {
    const { limit = Infinity, offset = 0, ...filter } = options;
    const entries: LedgerEntry[] = [];
    let toSkip = offset;
    if (limit <= 0) {
      return entries;
    }
    for await (const entry of this.#entries(userId, filter, Math.min(PAGE, Math.max(1, offset + limit)))) {
      if (toSkip > 0) {
        toSkip -= 1;
        continue;
      }
      entries.push(entry);
      if (entries.length >= limit) {
        break;
      }
    }
    return entries;
  }

  /** A page of a user's entries, newest first. */
  async getUserEntriesPage(userId: string, options: PageOptions = {}): Promise<EntryPage> {
    const { operationType, startDate, endDate, limit, cursor, signal } = options;
    const page = await answered(
      this.#api.GET("/v1/accounts/{accountId}/entries", {
        params: {
          path: { accountId: userId },
          query: given({ type: operationType, ...range(startDate, endDate), limit, cursor }),
        },
        ...given({ signal }),
      }),
    );
    return { entries: page.entries.map((entry) => entryOf(userId, entry)), nextCursor: page.nextCursor ?? null };
  }

  /** A user's entries one by one, newest first; pages are fetched as they are needed. */
  userEntries(userId: string, options: EntryFilter & CallOptions = {}): AsyncGenerator<LedgerEntry, void, undefined> {
    return this.#entries(userId, options, PAGE);
  }

  /** The same, so many in a page. */
  async *#entries(userId: string, options: EntryFilter & CallOptions, limit: number): AsyncGenerator<LedgerEntry, void, undefined> {
    let cursor: string | undefined;
    do {
      const page = await this.getUserEntriesPage(userId, { ...options, limit, ...given({ cursor }) });
      yield* page.entries;
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }

  /**
   * All users' entries of a type, newest first. The service goes through the ledger of every user: for reports and jobs, not for what
   * somebody waits for. With a `limit` no more than that many, and `offset`, are held in memory; `entriesByType` holds a page.
   */
  async getEntriesByType(operationType: string, options: EntriesByTypeOptions = {}): Promise<LedgerEntry[]> {
    const { limit = Infinity, offset = 0, onProgress, ...filter } = options;
    const wanted = offset + limit;
    if (limit <= 0) {
      return [];
    }
    let found: LedgerEntry[] = [];
    let entries = 0;
    let cursor: string | undefined;
    do {
      const page = await this.getEntriesByTypePage(operationType, { ...filter, limit: PAGE, ...given({ cursor }) });
      found = newest([...found, ...page.entries], wanted);
      entries += page.entries.length;
      onProgress?.({ entries });
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    return found.slice(offset, wanted);
  }

  /**
   * A page of all users' entries of a type: user by user, each newest first. It may be short, or empty, and yet not the last: the service
   * looks at so many entries a call.
   */
  async getEntriesByTypePage(operationType: string, options: Omit<PageOptions, "operationType"> = {}): Promise<EntryPage> {
    const { startDate, endDate, limit, cursor, signal } = options;
    const page = await answered(
      this.#api.GET("/v1/entries", {
        params: { query: { type: operationType, ...range(startDate, endDate), ...given({ limit, cursor }) } },
        ...given({ signal }),
      }),
    );
    // Pools are organizations', not users'.
    const entries = page.entries.filter((entry) => entry.organizationId == null);
    return { entries: entries.map((entry) => entryOf(entry.accountId, entry)), nextCursor: page.nextCursor ?? null };
  }

  /** All users' entries of a type one by one, user by user, each newest first; pages are fetched as they are needed. */
  async *entriesByType(
    operationType: string,
    options: Omit<EntryFilter, "operationType"> & CallOptions = {},
  ): AsyncGenerator<LedgerEntry, void, undefined> {
    let cursor: string | undefined;
    do {
      const page = await this.getEntriesByTypePage(operationType, { ...options, limit: PAGE, ...given({ cursor }) });
      yield* page.entries;
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }

  /**
   * Erases the personal facts (`metadata`) of the entries of all accounts, pools of organizations among them, that were written before an
   * instant, and tells of how many. Amounts stay, so that ledgers still add up. The service does it as a job, some with each call: one
   * that was broken off goes on under its `operationId`.
   */
  async deleteOldEntries(olderThan: Date, options: ErasureOptions = {}): Promise<number> {
    const { operationId = newOperationId(), onProgress, signal } = options;
    for (;;) {
      const told = await answered(
        this.#api.POST("/v1/entries/erasure", {
          body: { before: olderThan.toISOString(), operationId },
          ...given({ signal }),
        }),
      );
      if (!("done" in told)) {
        throw new TypeError("The service tells no progress.");
      }
      onProgress?.({ users: told.accounts, entries: told.erased });
      if (told.done) {
        return told.erased;
      }
    }
  }

  /** Tokens spent in a range. */
  async getTotalSpent(userId: string, startDate?: Date, endDate?: Date, options: CallOptions = {}): Promise<number> {
    return (await this.getUserStatistics(userId, startDate, endDate, options)).totalSpent;
  }

  /** Tokens given in a range. */
  async getTotalEarned(userId: string, startDate?: Date, endDate?: Date, options: CallOptions = {}): Promise<number> {
    return (await this.getUserStatistics(userId, startDate, endDate, options)).totalEarned;
  }

  /** What a user's entries of a range add up to. */
  async getUserStatistics(
    userId: string,
    startDate?: Date,
    endDate?: Date,
    options: CallOptions = {},
  ): Promise<UserStatistics> {
    const total: UserStatistics = {
      totalSpent: 0,
      totalEarned: 0,
      refunded: 0,
      expired: 0,
      adjusted: 0,
      netChange: 0,
      operationCount: 0,
      byType: [],
    };
    const types = new Map<string, UserStatistics["byType"][number]>();
    let cursor: string | undefined;
    do {
      const page = await answered(
        this.#api.GET("/v1/accounts/{accountId}/statistics", {
          params: { path: { accountId: userId }, query: given({ ...range(startDate, endDate), cursor }) },
          ...options,
        }),
      );
      for (const name of ["totalSpent", "totalEarned", "refunded", "expired", "adjusted", "netChange", "operationCount"] as const) {
        total[name] += page[name];
      }
      for (const row of page.byType) {
        const seen = types.get(row.operationType);
        types.set(row.operationType, {
          operationType: row.operationType,
          operationCount: (seen?.operationCount ?? 0) + row.operationCount,
          totalSpent: (seen?.totalSpent ?? 0) + row.totalSpent,
          totalEarned: (seen?.totalEarned ?? 0) + row.totalEarned,
          netChange: (seen?.netChange ?? 0) + row.netChange,
        });
      }
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    return { ...total, byType: [...types.values()] };
  }
}

/** The newest of these entries, newest first; those of one instant by user, and of one user by their place. */
function newest(entries: LedgerEntry[], most: number): LedgerEntry[] {
  entries.sort((one, other) => other.createdAt.getTime() - one.createdAt.getTime() || compare(one.userId, other.userId) || other.sequence - one.sequence);
  return entries.slice(0, most);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** The half-open range that the service takes, of one whose ends are both inclusive. */
function range(startDate: Date | undefined, endDate: Date | undefined): { from?: string; to?: string } {
  return given({
    from: startDate?.toISOString(),
    to: endDate === undefined ? undefined : new Date(endDate.getTime() + 1).toISOString(),
  });
}

/** An entry under the names of the seeds. */
export function entryOf(userId: string, entry: Schema<"AccountEntry">): LedgerEntry {
  return {
    id: entry.operationId,
    userId,
    operationType: entry.operationType,
    tokensAmount: entry.amount,
    balanceBefore: entry.balanceBefore,
    balanceAfter: entry.balanceAfter,
    createdAt: new Date(entry.recordedAt),
    ...(entry.metadata == null ? {} : { metadata: entry.metadata }),
    sequence: entry.sequence,
    category: entry.category,
    ...(entry.originalOperationId == null ? {} : { originalOperationId: entry.originalOperationId }),
  };
}

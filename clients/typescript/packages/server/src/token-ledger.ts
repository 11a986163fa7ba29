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

/** How far a walk over all users has come. */
export interface WalkProgress {
  /** Users that are done. */
  users: number;
  /** Entries that were found or erased. */
  entries: number;
}

/** A walk over the ledgers of all users. */
export interface WalkOptions extends CallOptions {
  /** Users at the same time. Default: 4. */
  concurrency?: number;
  /** Told after each user. */
  onProgress?: (progress: WalkProgress) => void;
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
   * All users' entries of a type, newest first. Reads the ledger of every user: for reports and jobs, not for what somebody waits
   * for.
   */
  async getEntriesByType(operationType: string, options: EntryOptions & WalkOptions = {}): Promise<LedgerEntry[]> {
    const { limit = Infinity, offset = 0, startDate, endDate, signal } = options;
    const filter = { operationType, ...given({ startDate, endDate, signal }) };
    const found: LedgerEntry[] = [];
    await this.#walk(options, async (userId) => {
      const before = found.length;
      for await (const entry of this.userEntries(userId, filter)) {
        found.push(entry);
      }
      return found.length - before;
    });
    found.sort((one, other) => other.createdAt.getTime() - one.createdAt.getTime() || compare(one.userId, other.userId) || other.sequence - one.sequence);
    return found.slice(offset, offset + limit);
  }

  /**
   * Erases the personal facts (`metadata`) of all users' entries that were written before an instant, and tells of how many. Amounts
   * stay, so that ledgers still add up. A walk that was broken off is begun again: what is erased stays so.
   */
  async deleteOldEntries(olderThan: Date, options: WalkOptions = {}): Promise<number> {
    const { signal } = options;
    return this.#walk(options, async (userId) => {
      let erased = 0;
      let cursor: string | undefined;
      do {
        const page = await answered(
          this.#api.DELETE("/v1/accounts/{accountId}/entries", {
            params: { path: { accountId: userId }, query: { before: olderThan.toISOString(), ...given({ cursor }) } },
            ...given({ signal }),
          }),
        );
        erased += page.erased;
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      return erased;
    });
  }

  /** Does something for each user, some at the same time; what all of it came to. The first failure ends it. */
  async #walk({ concurrency = 4, onProgress, signal }: WalkOptions, act: (userId: string) => Promise<number>): Promise<number> {
    const progress: WalkProgress = { users: 0, entries: 0 };
    const users = this.#users(signal);
    const worker = async (): Promise<void> => {
      for (let next = await users.next(); next.done !== true; next = await users.next()) {
        const entries = await act(next.value);
        progress.entries += entries;
        progress.users += 1;
        onProgress?.({ ...progress });
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.max(1, concurrency) }, worker));
    } finally {
      await users.return();
    }
    return progress.entries;
  }

  /** The names of all users. */
  async *#users(signal: AbortSignal | undefined): AsyncGenerator<string, void, undefined> {
    let cursor: string | undefined;
    do {
      const page = await answered(
        this.#api.GET("/v1/accounts", { params: { query: { limit: PAGE, ...given({ cursor }) } }, ...given({ signal }) }),
      );
      yield* page.accounts.map((account) => account.accountId);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
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

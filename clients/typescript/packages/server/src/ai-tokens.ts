import { answered, connect, newOperationId, open, type Api, type CallOptions, type ConnectionOptions, type OperationOptions, type Schema, type TransportOptions } from "./connection.js";
import { LtlmError, UNREACHABLE } from "./errors.js";
import { given, type Metadata } from "./token-service.js";

/** A pool of an organization. */
export type TokenType = Schema<"PoolStats">["tokenType"];

/** What a feature costs where the project's settings say nothing else. Others cost what the settings say, or are refused. */
export const TOKEN_COSTS = {
  generate_leads: 5,
  generate_goal: 3,
  analyze_strategy: 2,
  forecast_revenue: 4,
  analyze_efficiency: 2,
  generate_insight: 1,
} as const satisfies Record<string, number>;

/** What the plans give in 30 days where the project's settings say nothing else. */
export const TOKEN_LIMITS = {
  starter: { lead_generation: 0, goal_generation: 0, strategy_analysis: 0, forecast: 0, general: 0 },
  pro: { lead_generation: 50, goal_generation: 20, strategy_analysis: 100, forecast: 30, general: 50 },
  enterprise: { lead_generation: 500, goal_generation: 200, strategy_analysis: 1000, forecast: 200, general: 500 },
} as const satisfies Record<string, Record<TokenType, number>>;

/** What the use of a feature came to. */
export interface DeductResult {
  success: boolean;
  /** What is left in the pool; 0 where the refusal does not tell. */
  remainingBalance: number;
  /** For people. */
  message: string;
}

/** What an organization has of tokens. */
export interface TokenStats {
  totalBalance: number;
  totalUsed: number;
  totalAllocated: number;
  byType: PoolStats[];
  /** When the pools are filled again; null where the plan gives nothing. */
  refreshDate: Date | null;
}

/** A pool. */
export interface PoolStats {
  tokenType: TokenType;
  balance: number;
  used: number;
  allocated: number;
  /** Balance of what was allocated, in whole percent. */
  percentage: number;
  /** Below a fifth of what was allocated. */
  low: boolean;
}

/** With an access token: of a user, of an organization, or of a user in one organization. For web applications. */
export interface AccessTokenOptions extends TransportOptions {
  /** The token, or a function that gives one; it is asked again when the service no longer takes the last one. */
  accessToken: string | (() => string | Promise<string>);
}

/** The functions that a web application calls. */
export interface AiTokens {
  /** Could the organization pay for the feature? */
  hasEnoughTokens(organizationId: string, featureUsed: string, options?: CallOptions): Promise<boolean>;
  /**
   * Takes the feature's tokens, once. With an access token the user is the token's and `userId` is not sent; with a server key
   * `userId` is who used it and must be a member, or null for the organization itself.
   */
  deductTokens(
    organizationId: string,
    userId: string | null,
    featureUsed: string,
    metadata?: Metadata,
    options?: OperationOptions,
  ): Promise<DeductResult>;
  /** What is left in a pool; 0 if the organization is not there or not open to the caller. */
  getTokenBalance(organizationId: string, tokenType: TokenType, options?: CallOptions): Promise<number>;
  /** What is left in each pool. */
  getAllTokenBalances(organizationId: string, options?: CallOptions): Promise<Record<TokenType, number>>;
  /** What the organization has; null if it is not there or not open to the caller. */
  getTokenStats(organizationId: string, options?: CallOptions): Promise<TokenStats | null>;
}

/** Gives the client that calls for a user (or for nobody) in an organization. */
type Session = (organizationId: string, userId: string | null) => Promise<Api>;

/** Seconds that an access token lives that a server key makes. */
const SESSION_SECONDS = 900;
/** Milliseconds before its end at which it is no longer used. */
const SESSION_MARGIN_MS = 60_000;
/** Sessions that are kept. */
const SESSIONS_MAX = 1_000;

/** The functions, bound by an access token or by a server key. Refusals are told in their results; an outage is thrown. */
export function aiTokens(options: AccessTokenOptions | ConnectionOptions): AiTokens {
  const session = "accessToken" in options ? ofToken(options) : ofKey(options);

  async function getTokenStats(organizationId: string, call: CallOptions = {}): Promise<TokenStats | null> {
    const stats = await unlessRefused(async () => {
      const api = await session(organizationId, null);
      return answered(api.GET("/v1/tokens/stats", { params: { query: { organizationId } }, ...call }));
    });
    if (stats === undefined) {
      return null;
    }
    const { totalBalance, totalUsed, totalAllocated, byType, refreshDate } = stats;
    return { totalBalance, totalUsed, totalAllocated, byType, refreshDate: refreshDate == null ? null : new Date(refreshDate) };
  }

  async function getAllTokenBalances(organizationId: string, call: CallOptions = {}): Promise<Record<TokenType, number>> {
    const balances = { lead_generation: 0, goal_generation: 0, strategy_analysis: 0, forecast: 0, general: 0 };
    for (const { tokenType, balance } of (await getTokenStats(organizationId, call))?.byType ?? []) {
      balances[tokenType] = balance;
    }
    return balances;
  }

  return {
    getTokenStats,
    getAllTokenBalances,
    async getTokenBalance(organizationId, tokenType, call = {}) {
      return (await getAllTokenBalances(organizationId, call))[tokenType];
    },
    async hasEnoughTokens(organizationId, featureUsed, call = {}) {
      const told = await unlessRefused(async () => {
        const api = await session(organizationId, null);
        const body = { organizationId, featureUsed, action: "check" } as const;
        return answered(api.POST("/v1/tokens/check-balance", { body, ...call }));
      });
      return told !== undefined && "hasTokens" in told && told.hasTokens;
    },
    async deductTokens(organizationId, userId, featureUsed, metadata, call = {}) {
      const { operationId = newOperationId(), signal } = call;
      try {
        const api = await session(organizationId, userId);
        const body = { organizationId, featureUsed, action: "deduct", operationId, ...given({ metadata }) } as const;
        const told = await answered(api.POST("/v1/tokens/check-balance", { body, ...given({ signal }) }));
        if ("success" in told) {
          const { success, remainingBalance, message } = told;
          return { success, remainingBalance, message };
        }
        throw new TypeError("The service answered a deduction as if it were a check.");
      } catch (error) {
        if (isAnswer(error)) {
          return { success: false, remainingBalance: 0, message: error.message };
        }
        throw error;
      }
    },
  };
}

/** Did the service answer, and refuse? */
function isAnswer(error: unknown): error is LtlmError {
  return error instanceof LtlmError && error.code !== UNREACHABLE && error.status < 500;
}

async function unlessRefused<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isAnswer(error)) {
      return undefined;
    }
    throw error;
  }
}

/** One client for all, with the token that there is. */
function ofToken(options: AccessTokenOptions): Session {
  const { accessToken } = options;
  const ask = async () => (typeof accessToken === "string" ? accessToken : accessToken());
  let token: Promise<string> | undefined;
  const fetchOnce = options.fetch ?? ((request: Request) => fetch(request));
  const api = open(
    {
      ...options,
      fetch: async (request) => {
        const again = request.clone();
        const used = (token ??= ask());
        used.catch(() => (token = undefined));
        const answer = await fetchOnce(withToken(request, await used));
        if (answer.status !== 401 || typeof accessToken === "string") {
          return answer;
        }
        if (token === used) {
          token = undefined;
        }
        await answer.body?.cancel();
        return fetchOnce(withToken(again, await (token ??= ask())));
      },
    },
    {},
  );
  return async () => api;
}

function withToken(request: Request, token: string): Request {
  request.headers.set("authorization", `Bearer ${token}`);
  return request;
}

/** Clients with access tokens that the server key makes, short-lived and one for each user of an organization. */
function ofKey(options: ConnectionOptions): Session {
  const vendor = connect(options);
  const { key: _key, projectId: _projectId, ...transport } = options;
  const sessions = new Map<string, { api: Promise<Api>; until: number }>();
  return (organizationId, userId) => {
    const name = JSON.stringify([organizationId, userId]);
    const kept = sessions.get(name);
    if (kept !== undefined && kept.until > Date.now()) {
      return kept.api;
    }
    const body = {
      organizationId,
      expiresInSeconds: SESSION_SECONDS,
      operationId: newOperationId(),
      ...given({ userId: userId ?? undefined }),
    };
    const made = answered(vendor.POST("/v1/access-tokens", { body }));
    const api = made.then((told) => {
      if (!("accessToken" in told)) {
        throw new TypeError("The service answered with no access token.");
      }
      return open(transport, { authorization: `Bearer ${told.accessToken}` });
    });
    const session = { api, until: Date.now() + SESSION_SECONDS * 1_000 - SESSION_MARGIN_MS };
    sessions.delete(name);
    sessions.set(name, session);
    api.catch(() => sessions.get(name) === session && sessions.delete(name));
    for (const oldest of sessions.keys()) {
      if (sessions.size <= SESSIONS_MAX) {
        break;
      }
      sessions.delete(oldest);
    }
    return api;
  };
}

/** A pool of an organization, as `GET /v1/tokens/stats` tells it. */
export interface PoolStats {
  tokenType: "lead_generation" | "goal_generation" | "strategy_analysis" | "forecast" | "general";
  balance: number;
  used: number;
  allocated: number;
  /** Balance of what was allocated, in whole percent. */
  percentage: number;
  /** Below a fifth of what was allocated. */
  low: boolean;
}

/** What an organization has of tokens. */
export interface DashboardStats {
  totalBalance: number;
  totalUsed: number;
  totalAllocated: number;
  /** When the pools are filled again, ISO 8601. */
  refreshDate?: string | null;
  byType: PoolStats[];
}

/** Gives an access token: of the user, or of the organization. Called again when the last one has ended. */
export type AccessTokenProvider = () => string | Promise<string>;

/** Why nothing could be loaded. */
export type LoadProblem = "offline" | "forbidden" | "unauthorized" | "unavailable";

/** The figures could not be loaded. */
export class LoadError extends Error {
  override readonly name = "LoadError";

  constructor(readonly problem: LoadProblem) {
    super(problem);
  }
}

/** Milliseconds for which figures are shown again without a call. */
export const CACHE_MS = 30_000;
/** Milliseconds that a call may take. */
const TIMEOUT_MS = 10_000;

/** What was loaded, and when. */
export interface Loaded {
  stats: DashboardStats;
  at: number;
}

const cache = new Map<string, Loaded>();

/** Forgets all figures: for pages on which another user signs in. */
export function clearTokenCache(): void {
  cache.clear();
}

/** The figures that are at hand, however old. */
export function cached(baseUrl: string, organizationId: string): Loaded | undefined {
  return cache.get(keyOf(baseUrl, organizationId));
}

/** Loads the figures, and keeps them. A token that is no longer taken is asked for again, once. */
export async function load(
  baseUrl: string,
  organizationId: string,
  provider: AccessTokenProvider,
  signal: AbortSignal,
): Promise<Loaded> {
  for (let attempt = 0; ; attempt += 1) {
    const answer = await ask(baseUrl, organizationId, provider, signal);
    if (answer.ok) {
      const loaded = { stats: (await answer.json()) as DashboardStats, at: Date.now() };
      cache.set(keyOf(baseUrl, organizationId), loaded);
      return loaded;
    }
    if (answer.status === 401 && attempt === 0) {
      continue;
    }
    throw new LoadError(answer.status === 401 ? "unauthorized" : answer.status === 403 ? "forbidden" : "unavailable");
  }
}

async function ask(baseUrl: string, organizationId: string, provider: AccessTokenProvider, signal: AbortSignal): Promise<Response> {
  const limit = new AbortController();
  const clock = setTimeout(() => limit.abort(), TIMEOUT_MS);
  try {
    const headers = { authorization: `Bearer ${await provider()}` };
    const url = `${baseUrl.replace(/\/+$/, "")}/v1/tokens/stats?organizationId=${encodeURIComponent(organizationId)}`;
    const answer = await fetch(url, { headers, signal: AbortSignal.any([signal, limit.signal]), cache: "no-store" });
    // Read while the limit holds.
    return new Response(await answer.arrayBuffer(), { status: answer.status });
  } catch (error) {
    signal.throwIfAborted();
    throw new LoadError(navigator.onLine ? "unavailable" : "offline");
  } finally {
    clearTimeout(clock);
  }
}

function keyOf(baseUrl: string, organizationId: string): string {
  return JSON.stringify([baseUrl, organizationId]);
}

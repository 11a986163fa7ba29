import type { LoadProblem, PoolStats } from "./stats.js";

/** The words of the dashboard. Those with a figure are functions of it, already printed for the element's language. */
export interface DashboardMessages {
  title: string;
  refresh: string;
  loading: string;
  updated: string;
  available: string;
  used: string;
  resetsIn: string;
  days: (days: string) => string;
  never: string;
  low: string;
  of: (balance: string, allocated: string) => string;
  usedOf: (used: string) => string;
  percent: (percent: string) => string;
  unable: string;
  problem: Record<LoadProblem, string>;
  retry: string;
  stale: (time: string) => string;
  out: string;
  outHint: string;
  starter: string;
  starterHint: string;
  types: Record<PoolStats["tokenType"], string>;
}

/** The words in English. */
export const ENGLISH: DashboardMessages = {
  title: "AI tokens",
  refresh: "Refresh",
  loading: "Loading token information…",
  updated: "Token information is up to date.",
  available: "Available",
  used: "Used this month",
  resetsIn: "Resets in",
  days: (days) => `${days}d`,
  never: "–",
  low: "Low",
  of: (balance, allocated) => `${balance} of ${allocated}`,
  usedOf: (used) => `${used} used`,
  percent: (percent) => `${percent} left`,
  unable: "Unable to load token information",
  problem: {
    offline: "You are offline. It will be loaded when you are back.",
    forbidden: "You have no access to this organization.",
    unauthorized: "Please sign in again.",
    unavailable: "The service does not answer at the moment.",
  },
  retry: "Try again",
  stale: (time) => `These are the figures of ${time}.`,
  out: "You are out of tokens.",
  outHint: "Upgrade your plan, buy a pack, or wait for the reset.",
  starter: "AI features are not part of the Starter plan.",
  starterHint: "Upgrade to Pro or Enterprise to use them.",
  types: {
    lead_generation: "Lead generation",
    goal_generation: "Goal generation",
    strategy_analysis: "Strategy analysis",
    forecast: "Forecast",
    general: "General",
  },
};

import { TokenDashboardElement } from "./token-dashboard.js";

export { ENGLISH } from "./messages.js";
export type { DashboardMessages } from "./messages.js";
export { CACHE_MS, clearTokenCache } from "./stats.js";
export type { AccessTokenProvider, DashboardStats, LoadProblem, PoolStats } from "./stats.js";
export { TokenDashboardElement };

/** The element's name. */
export const TOKEN_DASHBOARD = "ltlm-token-dashboard";

/** Defines the element, once. Without a page it does nothing. */
export function defineTokenDashboard(): void {
  const registry = globalThis.customElements as CustomElementRegistry | undefined;
  if (registry !== undefined && registry.get(TOKEN_DASHBOARD) === undefined) {
    registry.define(TOKEN_DASHBOARD, TokenDashboardElement);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "ltlm-token-dashboard": TokenDashboardElement;
  }
}

export * from "./ai-tokens.js";
export type { CallOptions, CheckoutSession, CheckoutSessionOptions, ConnectionOptions, OperationOptions, Schema, TransportOptions } from "./connection.js";
export * from "./errors.js";
export * from "./license-client.js";
export * from "./monthly-renewal-service.js";
export * from "./organization-service.js";
export type { components, operations, paths } from "./openapi.js";
export { TokenLedger } from "./token-ledger.js";
export type {
  EntriesByTypeOptions,
  EntryFilter,
  EntryOptions,
  EntryPage,
  ErasureOptions,
  ErasureProgress,
  LedgerEntry,
  NewEntry,
  PageOptions,
  UserStatistics,
} from "./token-ledger.js";
export { TokenService } from "./token-service.js";
export type {
  AccountOptions,
  Affordability,
  CreditOptions,
  DebitOptions,
  Metadata,
  PlanOptions,
  ResetOptions,
  TokenBalance,
  TokenCallbacks,
  TokenMetrics,
  TokenOperationDone,
  TokenOperationFailed,
  TokenOperationResult,
  TokenServiceOptions,
} from "./token-service.js";
export * from "./webhooks.js";

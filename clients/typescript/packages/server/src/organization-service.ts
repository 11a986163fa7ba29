import type { TokenType } from "./ai-tokens.js";
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
import { entryOf, type LedgerEntry } from "./token-ledger.js";
import { given, type Metadata } from "./token-service.js";

/** An organization with its pools. */
export type Organization = Schema<"OrganizationData">;

export interface GrantOptions extends OperationOptions {
  amount: number;
  /** The pool. Default: `general`. */
  tokenType?: TokenType;
  /** The tokens lapse at this instant, if they are not spent. */
  expiresAt?: Date;
  metadata?: Metadata;
}

/** Whom an access token is for: a user, an organization, or a user in one organization. */
export type SessionOptions = OperationOptions & {
  /** Seconds until it ends: up to a day. Default: an hour. */
  expiresInSeconds?: number;
} & ({ organizationId: string; userId?: string } | { organizationId?: string; userId: string });

/** An access token, told once. */
export interface AccessToken {
  accessToken: string;
  tokenId: string;
  expiresAt: Date;
}

/**
 * Organizations as a vendor's backend makes and changes them: what the seeds do in SQL. Each call that changes something is done
 * once under its operation id. Refusals are thrown.
 */
export class OrganizationService {
  readonly #api: Api;

  constructor(options: ConnectionOptions) {
    this.#api = connect(options);
  }

  /** Makes an organization with its five pools, filled as its plan says. */
  async create(organizationId: string, plan: string, options: OperationOptions = {}): Promise<Organization> {
    const { operationId = newOperationId(), signal } = options;
    return answered(this.#api.POST("/v1/organizations", { body: { organizationId, plan, operationId }, ...given({ signal }) }));
  }

  /** An organization and its pools. */
  async get(organizationId: string, options: CallOptions = {}): Promise<Organization> {
    return answered(this.#api.GET("/v1/organizations/{organizationId}", { params: { path: { organizationId } }, ...options }));
  }

  /** Puts an organization on a plan. */
  async changePlan(organizationId: string, plan: string, options: OperationOptions = {}): Promise<Organization> {
    const { operationId = newOperationId(), signal } = options;
    const request = { params: { path: { organizationId } }, body: { plan, operationId }, ...given({ signal }) };
    return answered(this.#api.PUT("/v1/organizations/{organizationId}/plan", request));
  }

  /** Gives a pool further tokens. */
  async grantTokens(organizationId: string, options: GrantOptions): Promise<{ newBalance: number; ledgerEntryId: string; replayed: boolean }> {
    const { amount, tokenType, expiresAt, metadata, operationId = newOperationId(), signal } = options;
    const body = { amount, operationId, ...given({ tokenType, expiresAt: expiresAt?.toISOString(), metadata }) };
    const request = { params: { path: { organizationId } }, body, ...given({ signal }) };
    const { newBalance, ledgerEntryId, replayed } = await answered(this.#api.POST("/v1/organizations/{organizationId}/tokens", request));
    return { newBalance, ledgerEntryId, replayed };
  }

  /** Opens a page on which a pack of tokens is paid; its pool gets them when the payment provider says that it is. */
  async createCheckoutSession(organizationId: string, options: CheckoutSessionOptions): Promise<CheckoutSession> {
    const { signal } = options;
    const request = { params: { path: { organizationId } }, body: checkoutBody(options), ...given({ signal }) };
    return checkoutSession(await answered(this.#api.POST("/v1/organizations/{organizationId}/checkout-link", request)));
  }

  /** Makes a user a member. */
  async addMember(organizationId: string, userId: string, options: OperationOptions = {}): Promise<void> {
    const { operationId = newOperationId(), signal } = options;
    const params = { path: { organizationId, userId }, header: { "Idempotency-Key": operationId } };
    await answered(this.#api.PUT("/v1/organizations/{organizationId}/members/{userId}", { params, ...given({ signal }) }));
  }

  /** Takes a user's membership away; the user's access tokens see the organization no more. */
  async removeMember(organizationId: string, userId: string, options: OperationOptions = {}): Promise<void> {
    const { operationId = newOperationId(), signal } = options;
    const params = { path: { organizationId, userId }, header: { "Idempotency-Key": operationId } };
    await answered(this.#api.DELETE("/v1/organizations/{organizationId}/members/{userId}", { params, ...given({ signal }) }));
  }

  /** A page of a pool's ledger, newest first: who used what. */
  async getUsage(
    organizationId: string,
    tokenType: TokenType,
    options: CallOptions & { limit?: number; cursor?: string } = {},
  ): Promise<{ entries: LedgerEntry[]; nextCursor: string | null }> {
    const { limit, cursor, signal } = options;
    const params = { path: { organizationId }, query: { tokenType, ...given({ limit, cursor }) } };
    const page = await answered(this.#api.GET("/v1/organizations/{organizationId}/usage", { params, ...given({ signal }) }));
    return { entries: page.entries.map((entry) => entryOf(organizationId, entry)), nextCursor: page.nextCursor ?? null };
  }

  /** Makes an access token for a web application: of a user, of an organization, or of a user in one organization. */
  async createAccessToken(session: SessionOptions): Promise<AccessToken> {
    const { operationId = newOperationId(), signal, ...facts } = session;
    const told = await answered(this.#api.POST("/v1/access-tokens", { body: { ...facts, operationId }, ...given({ signal }) }));
    if (!("accessToken" in told)) {
      throw new TypeError("The service answered with no access token.");
    }
    return { accessToken: told.accessToken, tokenId: told.tokenId, expiresAt: new Date(told.expiresAt) };
  }
}

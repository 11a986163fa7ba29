import { answered, newOperationId, open, type Api, type CallOptions, type OperationOptions, type Schema, type TransportOptions } from "./connection.js";
import { given, type Metadata } from "./token-service.js";

/** A license as the calling device sees it. */
export type License = Schema<"LicenseData">;

export interface LicenseClientOptions extends TransportOptions {
  /** The project's secret, 64 hex digits. It opens every license of the project: keep it on servers. */
  projectSecret: string;
}

export interface ActivateOptions extends CallOptions {
  nickname?: string;
  /** The application's version, where the policy has bounds for it. */
  clientVersion?: string;
  meta?: Metadata;
  /** Refuse, if there is no seat. Default: register the device and let it wait. */
  requireSeat?: boolean;
}

export interface ConsumeOptions extends OperationOptions {
  /** Tokens: a whole number from 1 to 1,000,000,000. */
  amount: number;
  /** What for. */
  action: string;
  /** A capability that the license must have. */
  capability?: string;
  meta?: Metadata;
}

/** A use that happened while the device was offline. */
export interface OfflineUsage {
  amount: number;
  action: string;
  /** When it happened, ISO 8601. */
  timestamp?: string;
  meta?: Metadata;
  /** Names the use: the same one is charged once, in whichever batch it comes. */
  operationId?: string;
}

/** Licenses over the plain REST face, for servers and web applications. Refusals are thrown as `LtlmError`. */
export class LicenseClient {
  readonly #api: Api;

  constructor(options: LicenseClientOptions) {
    this.#api = open(options, { "x-project-secret": options.projectSecret });
  }

  /** The license as it is; changes nothing. */
  async getLicense(key: string, options: CallOptions & { hwid?: string } = {}): Promise<License> {
    const { hwid, signal } = options;
    const params = { path: { key }, query: given({ hwid }) };
    return answered(this.#api.GET("/v1/sdk/license/{key}", { params, ...given({ signal }) }));
  }

  /** Registers a device and gives it a seat. */
  async activate(key: string, hwid: string, options: ActivateOptions = {}): Promise<License> {
    const { signal, ...facts } = options;
    return answered(
      this.#api.POST("/v1/sdk/license/{key}/activate", { params: { path: { key } }, body: { hwid, ...facts }, ...given({ signal }) }),
    );
  }

  /** Keeps the seat, waits for one, or gives it back. */
  async heartbeat(key: string, hwid: string, options: CallOptions & { isClosing?: boolean } = {}): Promise<License> {
    const { signal, ...facts } = options;
    return answered(
      this.#api.POST("/v1/sdk/license/{key}/heartbeat", { params: { path: { key } }, body: { hwid, ...facts }, ...given({ signal }) }),
    );
  }

  /** Gives the seat back. */
  async signout(key: string, hwid: string, options: CallOptions = {}): Promise<Schema<"SignoutAnswer">> {
    return answered(this.#api.POST("/v1/sdk/license/{key}/signout", { params: { path: { key } }, body: { hwid }, ...options }));
  }

  /** Who holds a seat. */
  async getSeats(key: string, options: CallOptions & { hwid?: string } = {}): Promise<Schema<"SeatList">> {
    const { hwid, signal } = options;
    const params = { path: { key }, query: given({ hwid }) };
    return answered(this.#api.GET("/v1/sdk/license/{key}/seats", { params, ...given({ signal }) }));
  }

  /** Takes another device's seat away. */
  async releaseSeat(
    key: string,
    targetHwid: string,
    callerHwid: string,
    options: CallOptions & { claimSeat?: boolean } = {},
  ): Promise<Schema<"ReleaseSeatAnswer">> {
    const { signal, ...facts } = options;
    const body = { targetHwid, callerHwid, ...facts };
    return answered(this.#api.POST("/v1/sdk/license/{key}/release-seat", { params: { path: { key } }, body, ...given({ signal }) }));
  }

  /** Removes a device, if the customer may. */
  async removeDevice(key: string, hwid: string, callerHwid: string, options: CallOptions = {}): Promise<void> {
    const params = { path: { key, hwid }, query: { hwid: callerHwid } };
    await answered(this.#api.DELETE("/v1/sdk/license/{key}/devices/{hwid}", { params, ...options }));
  }

  /** The user settings, with their revision. */
  async getSettings(key: string, options: CallOptions & { hwid?: string } = {}): Promise<SavedSettings> {
    const { hwid, signal } = options;
    const params = { path: { key }, query: given({ hwid }) };
    return settingsOf(this.#api.GET("/v1/sdk/license/{key}/settings", { params, ...given({ signal }) }));
  }

  /** Saves the user settings, as a whole; with `revision` only if they are still at it. */
  async saveSettings(
    key: string,
    settings: Record<string, unknown>,
    options: CallOptions & { hwid?: string; revision?: string } = {},
  ): Promise<SavedSettings> {
    const { hwid, revision, signal } = options;
    const params = { path: { key }, header: given({ "If-Match": revision }) };
    const body = { settings, ...given({ hwid }) };
    return settingsOf(this.#api.PUT("/v1/sdk/license/{key}/settings", { params, body, ...given({ signal }) }));
  }

  /** Would a capability and its tokens be granted now? */
  async getEntitlement(
    key: string,
    hwid: string,
    options: CallOptions & { capability?: string; tokens?: number } = {},
  ): Promise<Schema<"Entitlement">> {
    const { capability, tokens, signal } = options;
    const params = { path: { key }, query: { hwid, ...given({ capability, tokens }) } };
    return answered(this.#api.GET("/v1/sdk/license/{key}/entitlement", { params, ...given({ signal }) }));
  }

  /** Charges tokens, once. */
  async consume(key: string, hwid: string, options: ConsumeOptions): Promise<License> {
    const { signal, operationId = newOperationId(), ...facts } = options;
    const body = { hwid, operationId, ...facts };
    return answered(this.#api.POST("/v1/sdk/license/{key}/consume", { params: { path: { key } }, body, ...given({ signal }) }));
  }

  /** Charges what a device used while it was offline, the oldest first: what becomes of each stands in `batchResult`. */
  async consumeBatch(key: string, hwid: string, usages: readonly OfflineUsage[], options: OperationOptions = {}): Promise<License> {
    const { signal, operationId = newOperationId() } = options;
    const body = { hwid, operationId, usages: [...usages] };
    return answered(this.#api.POST("/v1/sdk/license/{key}/consume-batch", { params: { path: { key } }, body, ...given({ signal }) }));
  }

  /** A page of ledger entries, newest first. */
  async getUsage(
    key: string,
    options: CallOptions & { hwid?: string; limit?: number; cursor?: string } = {},
  ): Promise<Schema<"Usage">> {
    const { signal, ...query } = options;
    return answered(this.#api.GET("/v1/sdk/license/{key}/usage", { params: { path: { key }, query }, ...given({ signal }) }));
  }
}

/** User settings with the revision that they are at. */
export type SavedSettings = Schema<"UserSettings"> & { revision: string | null };

async function settingsOf(
  call: Promise<{ data?: Schema<"UserSettings">; error?: unknown; response: Response }>,
): Promise<SavedSettings> {
  const { response } = await call;
  return { ...(await answered(call)), revision: response.headers.get("etag") };
}

import { afterAll, beforeAll, expect, it } from "vitest";

import { LicenseClient, LtlmError } from "@ltlm/server";

import { startLocal, type Local } from "./support/local.js";

let local: Local;
let licenses: LicenseClient;
let key: string;

beforeAll(async () => {
  local = await startLocal();
  licenses = new LicenseClient({ baseUrl: local.baseUrl, projectSecret: local.projectSecret });
  key = local.licenses.SUB;
});
afterAll(() => local.stop());

it("activates, holds seats, and hands them on", async () => {
  expect(await licenses.activate(key, "desk-a", { nickname: "Desk A", meta: { os: "linux" } })).toMatchObject({ status: "active", seatStatus: "OCCUPIED" });
  await licenses.activate(key, "desk-b");
  expect(await licenses.activate(key, "desk-c")).toMatchObject({ status: "VALID_NO_SEAT", seatStatus: "NO_SEAT", activeSeats: 2 });
  expect(await licenses.heartbeat(key, "desk-a")).toMatchObject({ seatStatus: "OCCUPIED" });
  expect((await licenses.getSeats(key, { hwid: "desk-a" })).seats.map((seat) => seat.hwid).sort()).toEqual(["desk-a", "desk-b"]);
  expect(await licenses.releaseSeat(key, "desk-b", "desk-a")).toMatchObject({ success: true, releasedHwid: "desk-b" });
  expect(await licenses.heartbeat(key, "desk-c")).toMatchObject({ seatStatus: "OCCUPIED" });
  expect(await licenses.heartbeat(key, "desk-c", { isClosing: true })).toMatchObject({ seatStatus: "RELEASED" });
  expect(await licenses.signout(key, "desk-a")).toMatchObject({ success: true, activeSeats: 0 });
});

it("tells refusals with their figures", async () => {
  const refused = licenses.activate(key, "desk-d");
  await expect(refused).rejects.toThrow(LtlmError);
  await expect(refused).rejects.toMatchObject({ code: "DEVICE_LIMIT_REACHED", status: 403, details: { devices: 3, maxActivations: 3 } });
  await expect(licenses.getLicense("LIC-0000000000000000")).rejects.toMatchObject({ code: "LICENSE_NOT_FOUND" });
});

it("charges once, one by one and in batches", async () => {
  const charge = { amount: 5, action: "export", operationId: "use-1", meta: { file: "a.png" } };
  expect(await licenses.consume(key, "desk-a", charge)).toMatchObject({ tokensRemaining: 95, replayed: false });
  expect(await licenses.consume(key, "desk-a", charge)).toMatchObject({ tokensRemaining: 95, replayed: true });
  const usages = [{ amount: 2, action: "preview", operationId: "use-2", timestamp: "2026-11-20T18:02:11.000Z" }, { amount: -1, action: "preview" }];
  const batch = await licenses.consumeBatch(key, "desk-a", usages);
  expect(batch.batchResult).toMatchObject({ accepted: 1, duplicates: 0, skipped: [{ index: 1, reason: "bad_amount" }] });
  expect((await licenses.consumeBatch(key, "desk-a", usages)).batchResult).toMatchObject({ accepted: 0, duplicates: 1 });
  const first = await licenses.getUsage(key, { limit: 1 });
  expect(first.entries).toHaveLength(1);
  const rest = await licenses.getUsage(key, { cursor: first.nextCursor ?? "" });
  expect([...first.entries, ...rest.entries].map((entry) => entry.amount).sort((a, b) => a - b)).toEqual([-5, -2, 100]);
  expect(await licenses.getEntitlement(key, "desk-a", { tokens: 93 })).toMatchObject({ allowed: true, tokensRemaining: 93 });
  expect(await licenses.getEntitlement(key, "desk-a", { tokens: 94 })).toMatchObject({ allowed: false, reason: "INSUFFICIENT_TOKENS" });
});

it("saves settings, and notices that somebody else did", async () => {
  const first = await licenses.saveSettings(key, { theme: "dark" }, { hwid: "desk-a" });
  expect(first.revision).not.toBeNull();
  const revision = first.revision ?? "";
  await licenses.saveSettings(key, { theme: "light" }, { hwid: "desk-a", revision });
  await expect(licenses.saveSettings(key, {}, { hwid: "desk-a", revision })).rejects.toMatchObject({ code: "SETTINGS_CHANGED", status: 412 });
  expect(await licenses.getSettings(key, { hwid: "desk-a" })).toMatchObject({ settings: { theme: "light" } });
});

it("removes a device where the customer may", async () => {
  const device = licenses.removeDevice(key, "desk-b", "desk-a");
  await expect(device).rejects.toMatchObject({ code: "DEVICE_RELEASE_NOT_ALLOWED" });
  expect((await licenses.getLicense(key, { hwid: "desk-a" })).machines.map((machine) => machine.hwid)).toContain("desk-b");
});

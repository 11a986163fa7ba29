import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, it } from "vitest";

import { newName, startLocal, type Local } from "./support/local.js";

let local: Local;

beforeAll(async () => {
  local = await startLocal();
});
afterAll(() => local.stop());

/** Runs a program on the packages as they are published, in a process of its own. */
async function run(kind: "module" | "commonjs", program: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [`--input-type=${kind}`, "--eval", program], { cwd: import.meta.dirname });
  return JSON.parse(stdout);
}

const FLOW = `
  const service = new TokenService(${"CONNECTION"});
  const user = ${"USER"};
  (async () => {
    await service.createAccount(user, { openingBalance: 20 });
    const charge = await service.chargeForOperation(user, "image_generation");
    const refund = await service.refund(user, 4, { reason: "half" });
    console.log(JSON.stringify([charge.newBalance, refund.newBalance, refund.refunded?.[0]?.operationId === charge.ledgerEntryId]));
  })();
`;
const flow = () => FLOW.replace("CONNECTION", JSON.stringify(local.connection)).replace("USER", JSON.stringify(newName("user")));

it("is imported and required by Node", async () => {
  expect(await run("module", `import { TokenService } from "@ltlm/server"; ${flow()}`)).toEqual([10, 14, true]);
  expect(await run("commonjs", `const { TokenService } = require("@ltlm/server"); ${flow()}`)).toEqual([10, 14, true]);
  // Without a page the elements are there and do nothing.
  const names = `console.log(JSON.stringify([typeof TokenDashboardElement, TOKEN_DASHBOARD]))`;
  expect(await run("module", `import { TokenDashboardElement, TOKEN_DASHBOARD } from "@ltlm/elements"; import "@ltlm/elements/define"; ${names}`)).toEqual([
    "function",
    "ltlm-token-dashboard",
  ]);
  expect(await run("commonjs", `const { TokenDashboardElement, TOKEN_DASHBOARD } = require("@ltlm/elements"); ${names}`)).toEqual(["function", "ltlm-token-dashboard"]);
  const component = `console.log(JSON.stringify([typeof TokenDashboard, typeof LtlmProvider]))`;
  expect(await run("module", `import { TokenDashboard, LtlmProvider } from "@ltlm/react"; ${component}`)).toEqual(["function", "function"]);
  expect(await run("commonjs", `const { TokenDashboard, LtlmProvider } = require("@ltlm/react"); ${component}`)).toEqual(["function", "function"]);
});

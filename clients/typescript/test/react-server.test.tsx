import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { expect, it } from "vitest";

import { defineTokenDashboard, type DashboardStats } from "@ltlm/elements";
import TokenDashboard, { LtlmProvider } from "@ltlm/react";
import type { Schema } from "@ltlm/server";

it("renders on a server, where there are no elements", () => {
  defineTokenDashboard();
  const dashboard = createElement(TokenDashboard, { organizationId: "acme", plan: "pro" });
  const text = renderToString(createElement(LtlmProvider, { baseUrl: "https://api.example", getAccessToken: () => "" }, dashboard));
  expect(text).toBe('<ltlm-token-dashboard organization-id="acme" base-url="https://api.example" plan="pro"></ltlm-token-dashboard>');
  expect(() => renderToString(dashboard)).toThrow("needs baseUrl and getAccessToken");
});

it("reads what the service answers", () => {
  // Compiles only while the dashboard's shape is the document's.
  const told: Schema<"TokenStats"> = { totalBalance: 0, totalUsed: 0, totalAllocated: 0, refreshDate: null, byType: [] };
  const read: DashboardStats = told;
  expect(read.byType).toEqual([]);
});

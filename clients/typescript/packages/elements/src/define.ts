/** Defines `<ltlm-token-dashboard>` when it is imported: for pages without a bundler. */
import { defineTokenDashboard } from "./index.js";

defineTokenDashboard();

import { serve } from "@hono/node-server";

import { app } from "./app.js";

const connection = {
  baseUrl: process.env["LTLM_URL"] ?? "http://127.0.0.1:8787",
  key: process.env["LTLM_ADMIN_KEY"] ?? "",
  projectId: process.env["LTLM_PROJECT"] ?? "",
};
const server = app(connection, {
  generateImage: async (prompt) => `https://images.example/${encodeURIComponent(prompt)}.png`,
  chat: async (message) => `You said: ${message}`,
  notify: async (userId, { title }) => console.log(`to ${userId}: ${title}`),
  forget: async () => undefined,
  note: (metrics) => console.log(JSON.stringify(metrics)),
});
serve({ fetch: server.fetch, port: Number(process.env["PORT"] ?? 3000) }, ({ port }) => console.log(`http://127.0.0.1:${port}`));

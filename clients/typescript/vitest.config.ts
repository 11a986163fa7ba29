import { fileURLToPath } from "node:url";

import { defineConfig } from "vitest/config";

const source = (name: string) => fileURLToPath(new URL(`packages/${name}/src/index.${name === "react" ? "tsx" : "ts"}`, import.meta.url));

export default defineConfig({
  resolve: { alias: { "@ltlm/server": source("server"), "@ltlm/elements": source("elements"), "@ltlm/react": source("react") } },
  test: { include: ["test/**/*.test.ts", "test/**/*.test.tsx", "examples/*/test/**/*.test.ts"], testTimeout: 30_000, hookTimeout: 60_000, fileParallelism: false },
});

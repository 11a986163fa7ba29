import { defineConfig } from "tsup";

/** How each package is built: both kinds of modules, with their types. */
export const built = (entry: string[], platform: "neutral" | "browser") =>
  defineConfig({
    entry,
    format: ["esm", "cjs"],
    dts: true,
    clean: true,
    sourcemap: true,
    target: "es2022",
    platform,
    tsconfig: "../../tsconfig.base.json",
  });

// Builds dist: one readable module for each entry point, which the bundlers of applications minify, and its types.
import { execFileSync } from "node:child_process";
import { copyFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

copyFileSync(at("../../LICENSE"), at("LICENSE"));
rmSync(at("dist"), { recursive: true, force: true });
await build({
  entryPoints: [at("src/index.ts"), at("src/frames.ts")],
  outdir: at("dist"),
  bundle: true,
  format: "esm",
  target: "es2020",
  logLevel: "warning",
});
execFileSync(
  process.execPath,
  [at("node_modules/typescript/bin/tsc"), "-p", at("."), "--emitDeclarationOnly"],
  {
    stdio: "inherit",
  },
);

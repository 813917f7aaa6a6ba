// Builds dist: for each entry point a module and its types. Internal properties (`_name`) get short names, since minifiers
// of applications leave properties alone; dist/index.development.js keeps them, for bundlers in development.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const bundle = (options) =>
  build({
    bundle: true,
    format: "esm",
    target: "es2020",
    logLevel: "warning",
    outdir: at("dist"),
    ...options,
  });

copyFileSync(at("../../LICENSE"), at("LICENSE"));
for (const folder of ["dist", "build"]) rmSync(at(folder), { recursive: true, force: true });
await bundle({ entryPoints: { "index.development": at("src/index.ts"), frames: at("src/frames.ts") } });

const { outputFiles, mangleCache } = await bundle({
  entryPoints: [at("src/index.ts")],
  mangleProps: /^_[a-z]/,
  mangleCache: {},
  minifySyntax: true,
  sourcemap: "external",
  write: false,
});
const [map, module] = ["index.js.map", "index.js"].map(
  (name) => outputFiles.find(({ path }) => path.endsWith(name)).text,
);
// What other minifiers leave: constants and single uses across modules. Names and lines stay, for whoever debugs it.
const { code, map: finalMap } = await minify(
  { "index.js": module },
  {
    module: true,
    ecma: 2020,
    compress: { passes: 3, pure_getters: true, reduce_funcs: false },
    mangle: false,
    format: { beautify: true },
    sourceMap: { content: map, filename: "index.js", url: "index.js.map" },
  },
);
writeFileSync(at("dist/index.js"), code);
writeFileSync(at("dist/index.js.map"), finalMap);
// The conformance suite's driver counts in internals.
mkdirSync(at("build"));
writeFileSync(at("build/names.json"), JSON.stringify(mangleCache, null, 2));

execFileSync(
  process.execPath,
  [at("node_modules/typescript/bin/tsc"), "-p", at("."), "--emitDeclarationOnly"],
  { stdio: "inherit" },
);

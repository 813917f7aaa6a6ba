import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { SourceMap } from "node:module";
import { build, type BuildOptions } from "esbuild";
import { publint } from "publint";
import { rolldown } from "rolldown";
import { minify } from "terser";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
/**
 * What the client adds to a page, in bytes: 10 KB by Rolldown (which Vite uses) and terser (webpack), half a kilobyte
 * more by esbuild, whose names for variables in nested functions repeat less.
 */
const SIZES_MAX = { Rolldown: 10_240, terser: 10_240, esbuild: 10_760 };
/** What positions that outlive the page add to it. */
const STORAGE_MAX = 400;

let folder: string;
let tarball: string;

const run = (program: string, args: string[], cwd: string): string =>
  execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "deals-client-"));
  const packed = run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], root);
  tarball = join(folder, (JSON.parse(packed) as { filename: string }[])[0]!.filename);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the package holds the module, its types, and what npm shows", () => {
  const files = run("tar", ["-tzf", tarball], folder).trim().split("\n").sort();
  const modules = files.filter((file) => !/^package\/dist\/\w+\.d\.ts$/.test(file));
  expect(modules).toEqual([
    "package/CHANGELOG.md",
    "package/LICENSE",
    "package/README.md",
    "package/dist/frames.js",
    "package/dist/index.development.js",
    "package/dist/index.js",
    "package/dist/index.js.map",
    "package/package.json",
  ]);
  expect(files).toContain("package/dist/index.d.ts");
});

test("publint has nothing to say", async () => {
  const { messages } = await publint({ pkgDir: root, strict: true });
  expect(messages).toEqual([]);
});

test("the types resolve for everyone who can import a module", () => {
  const attw = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
  const report = run(process.execPath, [attw, tarball, "--profile", "esm-only", "--format", "json"], folder);
  const { problems = {} } = JSON.parse(report) as {
    problems?: Record<string, { resolutionKind?: string }[]>;
  };
  // A CommonJS program imports a module; from Node 20.19 on it can require it as well. The resolution of Node 10
  // knows neither modules nor entry points.
  const kinds = Object.entries(problems).filter(
    ([kind, found]) =>
      kind !== "CJSResolvesToESM" && found.some(({ resolutionKind }) => resolutionKind !== "node10"),
  );
  expect(kinds).toEqual([]);
});

test("it has no dependencies, and installs and runs in Node by itself", () => {
  const app = join(folder, "app");
  run("mkdir", [app], folder);
  writeFileSync(join(app, "package.json"), '{"type":"module","private":true}');
  run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", tarball], app);
  writeFileSync(
    join(app, "main.js"),
    `import * as deals from "deals-client";
     const client = new deals.DealsClient({ url: "wss://h/s", getToken: () => "t" });
     await client.close();
     console.log(Object.keys(deals).sort().join(" "), client.state);`,
  );
  const printed = run(process.execPath, ["main.js"], app);
  expect(printed).toContain("DealsClient");
  expect(printed).toContain("keepIn webStorage closed");
  expect(readFileSync(join(app, "node_modules/deals-client/package.json"), "utf8")).not.toMatch(
    /"dependencies"/,
  );
});

/** An application with this source, bundled without being minified. */
async function bundleApp(contents: string, more: BuildOptions = {}): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    format: "esm",
    write: false,
    ...more,
  });
  return outputFiles![0]!.text;
}

/** The bytes that a source weighs, minified as the bundlers of applications do and gzipped. */
async function weigh(contents: string): Promise<Record<string, number>> {
  const code = await bundleApp(contents);
  const input = join(folder, "application.mjs");
  writeFileSync(input, code);
  const { output } = await (await rolldown({ input })).generate({ format: "esm", minify: true });
  const minified = {
    Rolldown: output[0].code,
    terser: (await minify(code, { module: true })).code!,
    esbuild: await bundleApp(contents, { minify: true }),
  };
  return Object.fromEntries(
    Object.entries(minified).map(([name, text]) => [name, gzipSync(text, { level: 9 }).length]),
  );
}

/** An application that uses these exports of a module. */
const using = (module: string, names: string): string =>
  `import { ${names} } from "${join(root, module)}"; globalThis.used = [${names}];`;

test("an application grows by 10 KB, and by less than half of centrifuge-js", async () => {
  const client = await weigh(using("dist/index.js", "DealsClient, NotAuthorized"));
  const withStorage = await weigh(using("dist/index.js", "DealsClient, NotAuthorized, webStorage"));
  const other = await weigh(using("node_modules/centrifuge/build/index.mjs", "Centrifuge"));
  console.info("minified and gzipped:", { client, withStorage, other });
  for (const [name, most] of Object.entries(SIZES_MAX)) {
    expect(client[name], name).toBeLessThanOrEqual(most);
    expect(withStorage[name], name).toBeLessThanOrEqual(most + STORAGE_MAX);
    expect(client[name], name).toBeLessThan(other[name]! / 2);
  }
});

test("the module keeps its lines, and its source map leads to the sources", () => {
  const code = readFileSync(join(root, "dist/index.js"), "utf8");
  const map = new SourceMap(JSON.parse(readFileSync(join(root, "dist/index.js.map"), "utf8")));
  const lines = code.split("\n");
  const at = lines.findIndex((line) => line.includes("unsubscribeFromDeals"));
  const entry = map.findEntry(at, lines[at]!.indexOf('"unsubscribeFromDeals"')) as {
    originalSource: string;
    originalLine: number;
  };
  expect(entry.originalSource).toMatch(/src\/topics\.ts$/);
  const source = readFileSync(join(root, "src/topics.ts"), "utf8").split("\n");
  expect(source[entry.originalLine]).toContain("unsubscribeFromDeals");
});

test("it is imported where there is neither a browser nor Node, and evaluates no text", () => {
  const code = readFileSync(join(root, "dist/index.js"), "utf8");
  expect(code).not.toMatch(/\beval\(|new Function\(|createObjectURL|\bprocess\b|\bwindow\b/);
  // Only what every runtime has is there when the module is evaluated.
  const bare = `
    const vm = require("node:vm");
    const context = vm.createContext({});
    const source = require("node:fs").readFileSync(process.argv[1], "utf8").replace(/export \\{[^}]*\\};[^]*$/, "globalThis.found = typeof DealsClient;");
    vm.runInContext(source, context);
    console.log(context.found);`;
  expect(run(process.execPath, ["-e", bare, join(root, "dist/index.js")], folder).trim()).toBe("function");
});

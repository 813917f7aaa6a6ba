import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { publint } from "publint";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
/** What an application adds to its page, in bytes. */
const SIZE_MAX = 15_000;

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
    "package/dist/index.js",
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
  expect(printed).toContain("webStorage closed");
  expect(readFileSync(join(app, "node_modules/deals-client/package.json"), "utf8")).not.toMatch(
    /"dependencies"/,
  );
});

/** The bytes that a module adds to an application, minified by esbuild and gzipped. */
async function sizeOf(module: string): Promise<number> {
  const { outputFiles } = await build({
    entryPoints: [module],
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
  });
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
}

test(`an application grows by at most ${SIZE_MAX} bytes, and two thirds of centrifuge-js`, async () => {
  const bytes = await sizeOf(join(root, "dist/index.js"));
  const other = await sizeOf(join(root, "node_modules/centrifuge/build/index.mjs"));
  console.info(`minified and gzipped: deals-client ${bytes} bytes, centrifuge-js ${other}`);
  expect(bytes).toBeLessThanOrEqual(SIZE_MAX);
  expect(bytes).toBeLessThanOrEqual((other * 2) / 3);
});

test("it is imported where there is neither a browser nor Node, and evaluates no text", () => {
  const code = readFileSync(join(root, "dist/index.js"), "utf8");
  expect(code).not.toMatch(/\beval\(|new Function\(|createObjectURL|\bprocess\b|\bwindow\b/);
  // Only what every runtime has is there when the module is evaluated.
  const bare = `
    const vm = require("node:vm");
    const context = vm.createContext({});
    const source = require("node:fs").readFileSync(process.argv[1], "utf8").replace(/export \\{[^}]*\\};?\\s*$/, "globalThis.found = typeof DealsClient;");
    vm.runInContext(source, context);
    console.log(context.found);`;
  expect(run(process.execPath, ["-e", bare, join(root, "dist/index.js")], folder).trim()).toBe("function");
});

// Validates an AsyncAPI document by the reference parser: node validate.mjs FILE. Exits with 1 for an error or a warning.
import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const WORST_ALLOWED = 2; // 0 error, 1 warning, 2 information, 3 hint
const { document, diagnostics } = await new Parser().parse(await readFile(process.argv[2], "utf8"));
const problems = diagnostics.filter(({ severity }) => severity < WORST_ALLOWED);
for (const { code, message, path } of problems) console.error(`${path.join(".")}: ${message} (${code})`);
process.exit(problems.length || !document ? 1 : 0);

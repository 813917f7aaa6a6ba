import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  base: "./",
  // The project's own client, as its users get it.
  resolve: { alias: { "deals-client": at("../javascript/dist/index.js") } },
  build: {
    target: "es2022",
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0, // the policy allows no `data:`
    rolldownOptions: {
      output: {
        entryFileNames: "console.js",
        assetFileNames: "console[extname]",
      },
    },
  },
  test: { include: ["tests/**/*.test.ts"], pool: "threads", maxWorkers: 2, isolate: false },
});

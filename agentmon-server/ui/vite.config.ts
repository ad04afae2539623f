import { gzipSync } from "node:zlib";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Largest JavaScript of a first visit, in bytes after gzip. */
const BUDGET = 120 * 1024;

/** Fails the build when what the first page loads is larger than the budget. */
function budget(): Plugin {
  return {
    name: "agentmon-budget",
    apply: "build",
    generateBundle(_options, bundle) {
      const first = new Set<string>();
      const add = (name: string): void => {
        const chunk = bundle[name];
        if (chunk?.type !== "chunk" || first.has(name)) return;
        first.add(name);
        chunk.imports.forEach(add);
      };
      for (const chunk of Object.values(bundle)) {
        if (chunk.type === "chunk" && chunk.isEntry) add(chunk.fileName);
      }
      let size = 0;
      for (const name of first) {
        const chunk = bundle[name];
        if (chunk?.type === "chunk") size += gzipSync(chunk.code).length;
      }
      const told = `first load: ${(size / 1024).toFixed(1)} KiB of JavaScript after gzip`;
      if (size > BUDGET) this.error(`${told}, more than ${BUDGET / 1024} KiB`);
      this.info(told);
    },
  };
}

/** Where a server runs while the page is worked on with `npm run dev`. */
const server = process.env.AGENTMON_SERVER ?? "http://127.0.0.1:3141";

export default defineConfig({
  plugins: [react(), tailwindcss(), budget()],
  build: {
    target: "es2023",
    // The content security policy allows no data: URLs and no inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    proxy: {
      "/api": { target: server, ws: true, changeOrigin: true },
      "/ws": { target: server, ws: true, changeOrigin: true },
      "/plain": server,
    },
  },
});

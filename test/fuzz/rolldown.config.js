// The fuzzer in one file, the engine in it instrumented.
import { sep } from "node:path"
import { defineConfig } from "rolldown"
import { instrument } from "./instrument.js"

export default defineConfig({
  input: { fuzz: "test/fuzz/fuzz.ts" },
  platform: "node",
  plugins: [instrument((id) => id.includes(`${sep}src${sep}`) && !id.includes("node_modules"))],
  transform: { target: "node20" },
  output: { dir: "dist-fuzz", format: "esm", entryFileNames: "[name].mjs", codeSplitting: false, sourcemap: true },
})

// The commands, each with all it needs in one file: docs/decisions/0009-fast-start.md says why. The library stays in
// modules, as tsc makes it.
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { defineConfig } from "rolldown"

/** What lies in dist/cli is CommonJS, though the package is not. */
const commonJs = {
  name: "common-js",
  generateBundle() {
    this.emitFile({ type: "asset", fileName: "package.json", source: '{ "type": "commonjs" }\n' })
  },
}

/** A source with a single other character takes V8 twice the memory, and Node several times the time to read. */
const ascii = {
  name: "ascii",
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type !== "chunk") continue
      const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
      file.code = file.code.replace(/[^\0-\x7f]/g, escaped)
    }
  },
}

/**
 * Commander loads what starts other programs, for commands that are programs of their own. Ours are not, and loading it takes
 * several milliseconds of each start.
 */
const withoutChildProcess = {
  name: "without-child-process",
  transform: {
    filter: { id: /commander\/lib\/command\.js$/ },
    handler(code) {
      const loaded = "const childProcess = require('node:child_process');"
      if (!code.includes(loaded)) this.error("commander loads node:child_process in another way now")
      return { code: code.replace(loaded, "const childProcess = undefined;"), map: null }
    },
  },
}

/** The licences of the packages that went into a file, beside it. */
const licences = {
  name: "licences",
  generateBundle(_, bundle) {
    const modules = Object.values(bundle).flatMap(({ modules = {} }) => Object.keys(modules))
    const folders = new Set(modules.map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0]))
    const texts = [...folders]
      .filter((folder) => folder !== undefined && existsSync(join(folder, "LICENSE")))
      .map((folder) => `${folder.replace(/^.*node_modules\//, "")}\n\n${readFileSync(join(folder, "LICENSE"), "utf8")}`)
    if (texts.length > 0) this.emitFile({ type: "asset", fileName: "LICENSES.txt", source: texts.join("\n\n") })
  },
}

const bundle = (name, input) => ({
  input: { [name]: input },
  platform: "node",
  // `await using` is news to Node 20.
  transform: { target: "node20" },
  plugins: [commonJs, ascii, withoutChildProcess, licences],
  output: {
    dir: "dist/cli",
    format: "cjs",
    // One file is one read and one cache of compiled code. What is imported on demand still runs on demand.
    codeSplitting: false,
    sourcemap: true,
    sourcemapExcludeSources: true,
    comments: false,
  },
})

export default defineConfig([
  bundle("at-get", "src/cli/at-get.ts"),
  bundle("at-get-program", "src/cli/programs/at-get.ts"),
  bundle("academictorrents", "src/cli/academictorrents.ts"),
  bundle("academictorrents-program", "src/cli/programs/academictorrents.ts"),
  // The engine looks for its workers beside the file that it runs from.
  bundle("hash-worker", "src/node/hash-worker.ts"),
  bundle("disk-worker", "src/node/disk-worker.ts"),
])

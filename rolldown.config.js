// The commands, each with all it needs in one file: docs/decisions/0009-fast-start.md says why. The library stays in
// modules, as tsc makes it, but for its workers.
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

const bundle = (name, input, output, plugins = []) => ({
  input: { [name]: input },
  platform: "node",
  // `await using` is news to Node 20.
  transform: { target: "node20" },
  plugins: [ascii, ...plugins],
  output: {
    format: "cjs",
    // One file is one read and one cache of compiled code. What is imported on demand still runs on demand.
    codeSplitting: false,
    sourcemap: true,
    sourcemapExcludeSources: true,
    comments: false,
    ...output,
  },
})

const command = (name, input) => bundle(name, input, { dir: "dist/cli" }, [commonJs, withoutChildProcess, licences])

/** Each complete in itself, and CommonJS in any folder: so bundlers of others, too, can put it beside their file as it is. */
const worker = (dir, name) => bundle(name, `src/node/${name}.ts`, { dir, entryFileNames: "[name].cjs" })

export default defineConfig([
  command("at-get", "src/cli/at-get.ts"),
  command("at-get-program", "src/cli/programs/at-get.ts"),
  command("academictorrents", "src/cli/academictorrents.ts"),
  command("academictorrents-program", "src/cli/programs/academictorrents.ts"),
  // The engine looks for its workers beside the file that it runs from.
  worker("dist/cli", "hash-worker"),
  worker("dist/cli", "disk-worker"),
  worker("dist/node", "hash-worker"),
  worker("dist/node", "disk-worker"),
])

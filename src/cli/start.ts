import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Script } from "node:vm"
import { CodeCache } from "./code-cache.js"

/** Keeps what V8 has compiled for the next start. `thorough`: most of the program has run, so little is missing. */
export type KeepCode = (thorough: boolean) => void

/** What a program exports. */
export type Start = (keepCode: KeepCode) => Promise<void>

/** Runs `NAME-program.js`, which stands beside this file: from compiled code when there is some. */
export function startProgram(name: string): void {
  const file = join(import.meta.dirname, `${name}-program.js`)
  // The build leaves nothing but ASCII in it, which is read faster this way.
  const source = `(function (exports, require, __filename) { ${readFileSync(file, "latin1")}\n})`
  const cache = new CodeCache(name, source)
  const kept = cache.read()
  const script = new Script(source, { filename: file, ...(kept === undefined ? {} : { cachedData: kept.code }) })
  const known = kept === undefined || script.cachedDataRejected === true ? undefined : kept
  const exports: { start?: Start } = {}
  script.runInThisContext()(exports, process.getBuiltinModule, file)
  void exports.start?.((thorough) => {
    if (known === undefined || (thorough && !known.thorough)) cache.write(script.createCachedData(), thorough)
  })
}

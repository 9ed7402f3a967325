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
  const source = readFileSync(file)
  const cache = new CodeCache(name, source)
  const kept = cache.read()
  // The build leaves nothing but ASCII in it, which becomes a string fastest this way.
  const script = new Script(`(function (exports, require, __filename) { ${source.toString("latin1")}\n})`, {
    filename: file,
    ...(kept === undefined ? {} : { cachedData: kept.code }),
  })
  const known = kept === undefined || script.cachedDataRejected === true ? undefined : kept
  const exports: { start?: Start } = {}
  script.runInThisContext()(exports, process.getBuiltinModule, file)
  void exports.start?.((thorough) => {
    if (known === undefined || (thorough && !known.thorough)) cache.write(script.createCachedData(), thorough)
  })
}

import { createHash } from "node:crypto"
import { closeSync, fstatSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { makeDirectorySync } from "../node/make-directory.js"
import { cacheDirectory } from "../node/user-settings.js"

/** Code that V8 compiled in an earlier run. */
export interface KeptCode {
  readonly code: Buffer
  /** Most of the program had run. */
  readonly thorough: boolean
}

/** Bytes of a SHA-256. */
const DIGEST_LENGTH = 32
/** Whether it is thorough, and the digest. */
const HEAD_LENGTH = 1 + DIGEST_LENGTH

/**
 * Compiled code of one program in the user's cache: a start then takes half the time.
 *
 * V8 takes any code of its own version and flags for a source of the same length, damaged code too. So a digest over the
 * source, the code and Node's version goes before it, and a file that others could have written is not read: what is in it
 * is run.
 */
export class CodeCache {
  readonly #path: string
  readonly #source: Uint8Array

  constructor(name: string, source: Uint8Array) {
    this.#path = join(cacheDirectory(), "code", `${name}-${process.version}-${process.arch}`)
    this.#source = source
  }

  /** Undefined when there is none that can be used. */
  read(): KeptCode | undefined {
    if (isDisabled()) return undefined
    try {
      const descriptor = openSync(this.#path, "r")
      try {
        const { uid, mode } = fstatSync(descriptor)
        if (process.geteuid !== undefined && (uid !== process.geteuid() || (mode & 0o022) !== 0)) return undefined
        const bytes = readFileSync(descriptor)
        const thorough = bytes[0] === 1
        const code = bytes.subarray(HEAD_LENGTH)
        return this.#digest(code, thorough).equals(bytes.subarray(1, HEAD_LENGTH)) ? { code, thorough } : undefined
      } finally {
        closeSync(descriptor)
      }
    } catch {
      return undefined
    }
  }

  /** A cache that can't be written to is no reason to fail. */
  write(code: Buffer, thorough: boolean): void {
    if (isDisabled()) return
    const draft = `${this.#path}.${process.pid}`
    try {
      makeDirectorySync(dirname(this.#path))
      writeFileSync(draft, Buffer.concat([Buffer.of(Number(thorough)), this.#digest(code, thorough), code]), {
        mode: 0o600,
      })
      renameSync(draft, this.#path)
    } catch {
      // The next start compiles again.
    }
  }

  #digest(code: Buffer, thorough: boolean): Buffer {
    return createHash("sha256")
      .update(`${process.version} ${process.arch} ${thorough} ${this.#source.length}\n`)
      .update(this.#source)
      .update(code)
      .digest()
  }
}

/** As with Node's own compile cache. */
function isDisabled(): boolean {
  return process.env["NODE_DISABLE_COMPILE_CACHE"] === "1"
}

import type { Metainfo } from "../metainfo/metainfo.js"
import type { Log } from "../ports/log.js"
import { Presence } from "./presence.js"
import { RefusedFiles } from "./refused-files.js"
import type { SeedHealth, WebSeedState } from "./seed-health.js"
import { WrongPieces } from "./wrong-pieces.js"

/** Files that were missing, and none was found, before the source is taken for the wrong place altogether. */
const MOST_MISSING_AT_FIRST = 16
/** Missing files that are named in the ordinary log. */
const MOST_LOGGED = 20
/** Changes of a file's ETag or date before they are taken for a habit of the server (mirrors behind one name). */
const MOST_CONTENT_CHANGES = 3

export interface SeedContentOptions {
  readonly metainfo: Metainfo
  /** Files to be had at all: neither empty nor padding. */
  readonly fileCount: number
  readonly health: SeedHealth
  readonly log: Log
  /** A file's URL as people may see it. */
  readonly shown: (file: number) => string
}

/** What a source has of the torrent's files and pieces. One that has none of them, or others, is disabled. */
export class SeedContent {
  readonly #presence: Presence
  readonly #refused: RefusedFiles
  readonly #wrong: WrongPieces
  readonly #health: SeedHealth
  readonly #log: Log
  readonly #shown: (file: number) => string
  #contentChanges = 0
  #isProven = false
  #lastRefusal = ""

  constructor({ metainfo, fileCount, health, log, shown }: SeedContentOptions) {
    this.#presence = new Presence(metainfo.layout, fileCount)
    this.#refused = new RefusedFiles(metainfo.layout, fileCount)
    this.#wrong = new WrongPieces(metainfo.layout, fileCount > 1)
    this.#health = health
    this.#log = log
    this.#shown = shown
  }

  /** False when a file that the piece lies in is not there, or was refused a moment ago. O(1). */
  hasPiece(piece: number): boolean {
    return this.#presence.hasPiece(piece) && !this.#refused.hasPiece(piece)
  }

  hasFile(file: number): boolean {
    return this.#presence.hasFile(file) && !this.#refused.hasFile(file)
  }

  /** True when a file that the piece lies in is not there. O(1). */
  lacksPiece(piece: number): boolean {
    return !this.#presence.hasPiece(piece)
  }

  /** When it will be asked again for a file that it refused; undefined when there is none. */
  get refusal(): WebSeedState | undefined {
    const { nextAt } = this.#refused
    return nextAt < Number.POSITIVE_INFINITY ? { kind: "waiting", until: nextAt, reason: this.#lastRefusal } : undefined
  }

  /** Lets files that were refused be asked for again, those whose time has come. True when there were any. */
  releaseRefused(now: number): boolean {
    return this.#refused.release(now)
  }

  /** A request brought all that it asked for. */
  get isProven(): boolean {
    return this.#isProven
  }

  /** Which of its pieces had wrong hashes, in a sentence; undefined when none had. */
  get wrongPieces(): string | undefined {
    return this.#wrong.reason
  }

  /** A request for a part of the file, or all of it, brought what it asked for. */
  fileGiven(file: number): void {
    this.#isProven = true
    this.#presence.fileGiven(file)
    this.#refused.given(file)
  }

  /** True when it seems that the server is what is wrong, and not the file: see {@link Presence.isDoubtful}. */
  isDoubtful(file: number, page: boolean): boolean {
    return this.#presence.isDoubtful(file, page)
  }

  /** The file was refused. True when it may be the server that refuses all, and not that file alone. */
  fileRefused(file: number, { reason, status }: { reason: string; status: number }, now: number): boolean {
    const part = this.#refused.refused(file, this.#presence.wasGiven(file), now)
    this.#lastRefusal = reason
    if (part === "maybe-all") return true
    // What a stranger forbids is believed at once.
    if (part === "file" || (status < 500 && !this.#isProven)) this.fileMissing(file, reason)
    else this.#log.log("debug", "webseed", `${this.#shown(file)} is asked for later: ${reason}`)
    return false
  }

  /** A file that was given, other than `file`: by asking for it, it is found out whether the server refuses all. */
  givenBeside(file: number): number | undefined {
    return this.#presence.givenBeside(file)
  }

  /** It does not: it gives another file. */
  refusedAlone(now: number): void {
    for (const file of this.#refused.refusedAlone(now)) this.fileMissing(file, this.#lastRefusal)
  }

  fileMissing(file: number, reason: string): void {
    if (!this.#presence.hasFile(file)) return
    this.#presence.fileMissing(file)
    const missing = this.#presence.missingFiles
    this.#log.log(missing <= MOST_LOGGED ? "info" : "debug", "webseed", `${this.#shown(file)} can't be used: ${reason}`)
    if (this.#presence.isEmpty) this.#health.disable(missing === 1 ? reason : `it has none of the files: ${reason}`)
    else if (!this.#isProven && missing >= MOST_MISSING_AT_FIRST) {
      this.#health.disable(`it has none of the first ${missing} files asked for: ${reason}`)
    }
  }

  /** The source sent wrong bytes of a piece. `brought`: bytes that it has brought in all. */
  pieceCorrupt(piece: number, brought: number): void {
    const verdict = this.#wrong.add(piece, brought)
    switch (verdict.kind) {
      case "ask-again":
        return
      case "lacks-piece":
        this.#presence.pieceMissing(piece)
        if (this.#presence.isEmpty) this.#health.disable(verdict.reason)
        return
      case "lacks-file":
        this.fileMissing(verdict.file, verdict.reason)
        return
      case "useless":
        this.#health.disable(verdict.reason)
    }
  }

  /**
   * The file's ETag or date is another one than a moment ago. True when that matters: when it happens again and again
   * it says nothing (mirrors behind one name), and the pieces' hashes must do.
   */
  changed(file: number): boolean {
    if (this.#contentChanges >= MOST_CONTENT_CHANGES) return false
    this.#contentChanges++
    this.#log.log("warn", "webseed", `server content changed: ${this.#shown(file)}`)
    return true
  }
}

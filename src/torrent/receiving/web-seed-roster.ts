import type { Metainfo } from "../../metainfo/metainfo.js"
import type { PieceTable } from "../../picker/piece-table.js"
import type { Clock } from "../../ports/clock.js"
import type { Log } from "../../ports/log.js"
import type { Random } from "../../ports/random.js"
import type { Slot } from "../../storage/slots.js"
import { distinctPlaces } from "../../webseed/url-layout.js"
import { WebSeed } from "../../webseed/web-seed.js"
import type { ActiveRun, Source } from "./active-run.js"

export interface WebSeedRosterOptions {
  readonly clock: Clock
  readonly log: Log
  readonly random: Random
  readonly metainfo: Metainfo
  readonly table: PieceTable<Slot>
  readonly nextSourceId: () => number
}

/** The web seeds of one torrent, and what can be asked about them. */
export class WebSeedRoster {
  readonly #options: WebSeedRosterOptions
  readonly #table: PieceTable<Slot>
  readonly #sources: Source[] = []
  readonly #all: WebSeed[] = []
  /** A piece that gave hope: looking for one is O(pieces), and mostly it still does. */
  #lastHope = 0

  constructor(options: WebSeedRosterOptions) {
    this.#options = options
    this.#table = options.table
  }

  /** More of them; `named`: those that the user named. A URL that leads to the same files as one before is left out. */
  add(urls: readonly string[], named: readonly string[] = []): void {
    const { metainfo, clock, random, log, nextSourceId } = this.#options
    const before = this.#all.map(({ url }) => url)
    for (const url of distinctPlaces([...before, ...urls], metainfo).slice(before.length)) {
      const webSeed = new WebSeed({ url, namedByUser: named.includes(url), metainfo, clock, random, log })
      this.#all.push(webSeed)
      this.#sources.push({
        id: nextSourceId(),
        webSeed,
        active: new Set<ActiveRun>(),
        after: undefined,
        foundNothingAt: undefined,
      })
    }
  }

  /** All web seeds, and what each is at. The list grows. */
  get sources(): readonly Source[] {
    return this.#sources
  }

  /** All web seeds. The list grows. */
  get all(): readonly WebSeed[] {
    return this.#all
  }

  /** Runs under way. */
  get activeCount(): number {
    return this.#sources.reduce((count, source) => count + source.active.size, 0)
  }

  /** Runs that wait for memory. */
  get waitingCount(): number {
    let count = 0
    for (const { active } of this.#sources) for (const { transfer } of active) if (transfer.waiting) count++
    return count
  }

  /** True while a web seed may yet deliver the piece, now or after a wait. */
  anyoneHas(piece: number): boolean {
    return this.all.some((webSeed) => webSeed.state.kind !== "disabled" && !webSeed.lacksPiece(piece))
  }

  /** True when a web seed could be asked for the piece now. */
  readyHas(piece: number): boolean {
    return this.all.some((webSeed) => webSeed.state.kind === "ready" && webSeed.hasPiece(piece))
  }

  /** True when a web seed could be asked now, for a piece that is missing, and is asked for nothing. */
  get someoneIdle(): boolean {
    return this.#sources.some(
      ({ webSeed, active }) =>
        webSeed.state.kind === "ready" &&
        active.size === 0 &&
        this.#table.availability.rarest((piece) => webSeed.hasPiece(piece)) !== undefined,
    )
  }

  /** True while a web seed may yet deliver one of the pieces that are to be had, now or after a wait. */
  get hopeful(): boolean {
    const table = this.#table
    const hoped = (piece: number): boolean => table.isNeeded(piece) && this.anyoneHas(piece)
    if (this.activeCount > 0 || hoped(this.#lastHope)) return true
    for (let piece = 0; piece < table.layout.pieceCount; piece++) {
      if (!hoped(piece)) continue
      this.#lastHope = piece
      return true
    }
    return false
  }

  /** How many of the pieces that are to be had each one lacks. O(pieces). */
  lacking(): number[] {
    const table = this.#table
    return this.all.map((webSeed) => {
      let lacking = 0
      for (let piece = 0; piece < table.layout.pieceCount; piece++)
        if (table.isNeeded(piece) && webSeed.lacksPiece(piece)) lacking++
      return lacking
    })
  }
}

import type { ProgressSnapshot } from "../torrent/statistics/progress.js"
import { clip, rowsOf } from "./columns.js"
import { liveLines, progressLine } from "./progress-words.js"

/** ms between two lines where there is no terminal. */
const LINE_INTERVAL = 10_000
/** What a terminal is taken for that does not say, or says 0. */
const DEFAULT_COLUMNS = 80

/** Shows progress to a person. */
export interface ProgressView {
  show(progress: ProgressSnapshot): void
  /** Clears what is live, so that other lines can be written. */
  clear(): void
}

/** Where a view is drawn: standard error, in practice. */
export interface ViewTarget {
  write(text: string): void
  /** Characters in a line; undefined or 0 where that is not known. */
  readonly columns: number | undefined
}

/** A view that redraws itself in place on a terminal. */
export class LiveView implements ProgressView {
  readonly #target: ViewTarget
  #drawn: readonly string[] = []

  constructor(target: ViewTarget) {
    this.#target = target
  }

  show(progress: ProgressSnapshot): void {
    // Some terminals go to the next line as soon as one is full.
    const width = Math.max(1, this.#columns - 1)
    const lines = liveLines(progress, width).map((line) => clip(line, width))
    this.#target.write(`${this.#erase()}${lines.join("\n")}\n`)
    this.#drawn = lines
  }

  clear(): void {
    this.#target.write(this.#erase())
    this.#drawn = []
  }

  get #columns(): number {
    return this.#target.columns || DEFAULT_COLUMNS
  }

  /** A terminal that has become narrower since has broken what was drawn into more lines. */
  #erase(): string {
    const rows = this.#drawn.reduce((sum, line) => sum + rowsOf(line, this.#columns), 0)
    return rows === 0 ? "" : `\x1b[${rows}A\x1b[J`
  }
}

/** A view of one line every ten seconds, for logs. */
export class LineView implements ProgressView {
  readonly #target: ViewTarget
  readonly #now: () => number
  #next: number

  constructor(target: ViewTarget, now: () => number) {
    this.#target = target
    this.#now = now
    this.#next = now() + LINE_INTERVAL
  }

  show(progress: ProgressSnapshot): void {
    if (this.#now() < this.#next) return
    this.#next = this.#now() + LINE_INTERVAL
    this.#target.write(`${progressLine(progress)}\n`)
  }

  clear(): void {}
}

import type { ProgressSnapshot } from "../torrent/statistics/progress.js"
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
  #drawn = 0

  constructor(target: ViewTarget) {
    this.#target = target
  }

  show(progress: ProgressSnapshot): void {
    const width = Math.max(20, (this.#target.columns || DEFAULT_COLUMNS) - 1)
    const lines = liveLines(progress).map((line) => clip(line, width))
    this.#target.write(`${this.#erase()}${lines.join("\n")}\n`)
    this.#drawn = lines.length
  }

  clear(): void {
    this.#target.write(this.#erase())
    this.#drawn = 0
  }

  #erase(): string {
    return this.#drawn === 0 ? "" : `\x1b[${this.#drawn}A\x1b[J`
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

/** Characters that take two columns: East Asian ones and pictures (UAX #11, in whole blocks; one too many does no harm). */
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe1f\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1d300}-\u{1d37f}\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u

/** Cuts a line to so many columns, leaving colour codes whole: a wrapped line could not be erased again. */
function clip(line: string, width: number): string {
  let room = width
  let out = ""
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the start of a colour code is one
  for (const part of line.split(/(\x1b\[[0-9;]*m)/)) {
    if (part.startsWith("\x1b")) {
      out += part
      continue
    }
    for (const character of part) {
      room -= WIDE.test(character) ? 2 : 1
      if (room < 0) break
      out += character
    }
  }
  return out
}

import { escapeForTerminal } from "../bytes/text.js"
import { count, formatSize } from "../bytes/words.js"
import type { ProgressSnapshot } from "../torrent/statistics/progress.js"
import { colours as pc } from "./colours.js"
import { formatDuration, formatPercent, formatRate } from "./units.js"

/** ms between two lines where there is no terminal. */
const LINE_INTERVAL = 10_000
const BAR_WIDTH = 24
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

/** Where a dataset stands, in one line without colour. */
export function progressLine(p: ProgressSnapshot): string {
  const name = escapeForTerminal(p.name)
  if (p.state === "metadata") return `${name}: ${metadataLine(p)}${p.waitingFor === null ? "" : `, ${waiting(p)}`}`
  const done = `${formatPercent(p.doneBytes, p.totalBytes)} of ${formatSize(p.totalBytes)}`
  if (p.state === "checking") return `${name}: checking what is on disk, ${done}`
  if (p.state === "seeding") {
    return `${name}: sharing, ${formatRate(p.uploadRate)} to ${count(p.peers.connected, "peer")}, ${formatSize(p.uploaded)} uploaded`
  }
  const parts = [
    `${name}: ${done}`,
    formatRate(p.downloadRate),
    `peers ${formatSize(p.fromPeers)} (${p.peers.connected})`,
    `web seeds ${formatSize(p.fromWebSeeds)} (${p.webSeeds.usable})`,
    `pieces ${p.donePieces}/${p.totalPieces}`,
  ]
  if (p.eta !== null) parts.push(`${formatDuration(p.eta)} left`)
  if (p.waitingFor !== null) parts.push(waiting(p))
  return parts.join(", ")
}

function liveLines(p: ProgressSnapshot): string[] {
  const name = escapeForTerminal(p.name)
  if (p.state === "metadata") {
    return [name, `       ${metadataLine(p)}`, ...(p.waitingFor === null ? [] : [`       ${pc.yellow(waiting(p))}`])]
  }
  const percent = formatPercent(p.doneBytes, p.totalBytes).padStart(6)
  const head = `${pc.bold(percent)} ${bar(p.doneBytes, p.totalBytes)} ${name}`
  if (p.state === "checking")
    return [`${head}`, `       checking what is on disk: ${formatSize(p.doneBytes)} of ${formatSize(p.totalBytes)}`]
  if (p.state === "seeding") {
    return [
      `${pc.green("sharing")} ${name}`,
      `       ${formatRate(p.uploadRate)} to ${count(p.peers.connected, "peer")}, ${formatSize(p.uploaded)} uploaded`,
    ]
  }
  const eta = p.eta === null ? "" : `, ${formatDuration(p.eta)} left`
  const lines = [
    head,
    `       ${formatSize(p.doneBytes)} of ${formatSize(p.totalBytes)}, ${pc.cyan(formatRate(p.downloadRate))}${eta}, pieces ${p.donePieces}/${p.totalPieces}`,
    `       from ${count(p.peers.connected, "peer")} ${formatSize(p.fromPeers)}, from ${count(p.webSeeds.usable, "web seed")} ${formatSize(p.fromWebSeeds)}${given(p)}`,
  ]
  if (p.waitingFor !== null) lines.push(`       ${pc.yellow(waiting(p))}`)
  return lines
}

function metadataLine(p: ProgressSnapshot): string {
  const pieces = p.totalPieces === 0 ? "" : `, ${p.donePieces} of ${p.totalPieces} pieces`
  const givers = p.peers.connected === 0 ? "" : ` from ${count(p.peers.connected, "peer")}`
  return `fetching the metadata${givers}${pieces}`
}

function waiting(p: ProgressSnapshot): string {
  return `waiting: ${escapeForTerminal(p.waitingFor ?? "")}`
}

function given(p: ProgressSnapshot): string {
  return p.uploaded === 0 ? "" : `, uploaded ${formatSize(p.uploaded)}`
}

function bar(done: number, total: number): string {
  const filled = total === 0 ? BAR_WIDTH : Math.floor((BAR_WIDTH * done) / total)
  return pc.green("━".repeat(filled)) + pc.dim("─".repeat(BAR_WIDTH - filled))
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

import { escapeForTerminal } from "../bytes/text.js"
import { formatSize } from "../bytes/words.js"
import type { StageStats } from "../storage/commit-meter.js"
import { BOTTLENECKS, type Bottleneck } from "../torrent/statistics/bottleneck.js"
import type { TorrentStats } from "../torrent/statistics/torrent-stats.js"

const WAITS: Readonly<Record<Bottleneck, string>> = {
  limit: "at --max-download",
  noSlot: "memory full: hash or disk slow",
  windowFull: "peer's request window full",
  webSeed: "web seed's answer",
  ending: "last blocks, all requested",
  storing: "last pieces, being stored",
  idle: "no source to ask",
  other: "other",
}
/** Characters of the first column. */
const LABEL = 33

/** Where the time went, for a person: a line for each thing that happened, without colour. */
export function statsTable(name: string, stats: TorrentStats): string {
  const { elapsed, waits, received, wasted, uploaded, commits, connections, slots, eventLoop } = stats
  const lines = [`where the time went: ${escapeForTerminal(name)}`]
  const line = (label: string, value: string): number => lines.push(`  ${label.padEnd(LABEL)}${value}`)
  line("transfers", milliseconds(elapsed))
  if (waits.total > 0) {
    line("downloading, waiting for", milliseconds(waits.total))
    for (const cause of BOTTLENECKS) {
      const time = waits[cause]
      if (time > 0) line(`  ${WAITS[cause]}`, `${share(time, waits.total)}  ${milliseconds(time)}`)
    }
  }
  line(
    "received",
    `${formatSize(received.total)}: peers ${formatSize(received.fromPeers)}, web seeds ${formatSize(received.fromWebSeeds)}`,
  )
  line("wasted", `${formatSize(wasted.total)}${wasteByReason(wasted)}`)
  line("uploaded", formatSize(uploaded))
  const { store, hash, disk } = commits
  if (store.bytes > 0) {
    line("hash and write in workers", stage(store))
    line("  time of the workers", `hash ${milliseconds(store.hashing)}, write ${milliseconds(store.writing)}`)
  }
  if (hash.bytes > 0) line("hash alone", stage(hash))
  if (disk.bytes > 0) line("write alone", stage(disk))
  if (commits.maxTime > 0) {
    line("from full piece to stored", `mean ${milliseconds(commits.meanTime)}, max ${milliseconds(commits.maxTime)}`)
  }
  if (slots.peak > 0) {
    line("slots used at most", `${slots.peak} of ${slots.capacity}, ${formatSize(slots.bytesEach)} each`)
  }
  line("connections at most", `${connections.peersPeak} peers, ${connections.webSeedsPeak} to web seeds`)
  line(
    "event loop delay",
    `mean ${milliseconds(eventLoop.meanDelay)}, p99 ${milliseconds(eventLoop.p99Delay)}, max ${milliseconds(eventLoop.maxDelay)}`,
  )
  return lines.join("\n")
}

function stage({ bytes, busy, meanPieces, maxPieces }: StageStats): string {
  const rate = busy > 0 ? `, ${formatSize((1000 * bytes) / busy)}/s` : ""
  return `${formatSize(bytes)} in ${milliseconds(busy)}${rate}; pieces at a time: mean ${meanPieces.toFixed(1)}, max ${maxPieces}`
}

function wasteByReason({ duplicate, unasked, corrupt, cutOff, dropped }: TorrentStats["wasted"]): string {
  const reasons = { duplicate, unasked, corrupt, "cut off": cutOff, dropped }
  const named = Object.entries(reasons).filter(([, bytes]) => bytes > 0)
  return named.length === 0 ? "" : `: ${named.map(([reason, bytes]) => `${reason} ${formatSize(bytes)}`).join(", ")}`
}

function share(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`.padStart(7)
}

function milliseconds(ms: number): string {
  if (ms < 9.95) return `${ms.toFixed(1)} ms`
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}

import { escapeForTerminal } from "../bytes/text.js"
import { count, formatSize } from "../bytes/words.js"
import type { ProgressSnapshot } from "../torrent/statistics/progress.js"
import { colours } from "./colours.js"
import { wrap } from "./columns.js"
import { formatDuration, formatPercent, formatRate } from "./units.js"

/** Characters. */
const BAR_WIDTH = 24
/** Stands before all lines but the first, under the percentage. */
const INDENT = " ".repeat(7)
/** Of what is waited for, there may be many things to say. */
const MAX_REASON_LINES = 4

/** Where a dataset stands, in one line without colour. */
export function progressLine(progress: ProgressSnapshot): string {
  const name = escapeForTerminal(progress.name)
  switch (progress.state) {
    case "metadata":
      return `${name}: ${[fetching(progress), ...waiting(progress)].join(", ")}`
    case "checking":
      // Until another process is done nothing is looked at.
      if (progress.waitingFor !== null) return `${name}: ${waiting(progress).join()}`
      return `${name}: checking what is on disk, ${share(progress)}`
    case "seeding":
      return `${name}: ${[`sharing, ${giving(progress)}`, ...waiting(progress)].join(", ")}`
    case "downloading":
    case "complete":
    case "stopped":
    case "failed":
      return `${name}: ${downloading(progress).join(", ")}`
  }
}

/** The same in several lines, with colours; `width` is the columns that there are for the reason of a wait. */
export function liveLines(progress: ProgressSnapshot, width: number): string[] {
  const name = escapeForTerminal(progress.name)
  const reason = waiting(progress)
    .flatMap((text) => wrap(text, Math.max(1, width - INDENT.length), MAX_REASON_LINES))
    .map((line) => colours.yellow(line))
  switch (progress.state) {
    case "metadata":
      return [name, ...indented(fetching(progress), ...reason)]
    case "checking":
      if (progress.waitingFor !== null) return [name, ...indented(...reason)]
      return [
        `${bar(progress)} ${name}`,
        ...indented(
          `checking what is on disk: ${formatSize(progress.doneBytes)} of ${formatSize(progress.totalBytes)}`,
        ),
      ]
    case "seeding":
      return [`${colours.green("sharing")} ${name}`, ...indented(giving(progress), ...reason)]
    case "downloading":
    case "complete":
    case "stopped":
    case "failed":
      return [`${bar(progress)} ${name}`, ...indented(amounts(progress), sources(progress), ...reason)]
  }
}

function fetching({ totalPieces, donePieces, peers: { connected } }: ProgressSnapshot): string {
  const pieces = totalPieces === 0 ? "" : `, ${donePieces} of ${totalPieces} pieces`
  const givers = connected === 0 ? "" : ` from ${count(connected, "peer")}`
  return `fetching the metadata${givers}${pieces}`
}

function giving({ uploadRate, uploaded, peers }: ProgressSnapshot): string {
  return `${formatRate(uploadRate)} to ${count(peers.connected, "peer")}, ${formatSize(uploaded)} uploaded`
}

function downloading(progress: ProgressSnapshot): string[] {
  const { downloadRate, fromPeers, peers, fromWebSeeds, webSeeds, donePieces, totalPieces } = progress
  return [
    share(progress),
    formatRate(downloadRate),
    `peers ${formatSize(fromPeers)} (${peers.connected})`,
    `web seeds ${formatSize(fromWebSeeds)} (${webSeeds.usable})`,
    `pieces ${donePieces}/${totalPieces}`,
    ...timeLeft(progress),
    ...waiting(progress),
  ]
}

function share({ doneBytes, totalBytes }: ProgressSnapshot): string {
  return `${formatPercent(doneBytes, totalBytes)} of ${formatSize(totalBytes)}`
}

function amounts(progress: ProgressSnapshot): string {
  const { doneBytes, totalBytes, downloadRate, donePieces, totalPieces } = progress
  return [
    `${formatSize(doneBytes)} of ${formatSize(totalBytes)}`,
    colours.cyan(formatRate(downloadRate)),
    ...timeLeft(progress),
    `pieces ${donePieces}/${totalPieces}`,
  ].join(", ")
}

function sources({ peers, fromPeers, webSeeds, fromWebSeeds, uploaded }: ProgressSnapshot): string {
  return [
    `from ${count(peers.connected, "peer")} ${formatSize(fromPeers)}`,
    `from ${count(webSeeds.usable, "web seed")} ${formatSize(fromWebSeeds)}`,
    ...(uploaded === 0 ? [] : [`uploaded ${formatSize(uploaded)}`]),
  ].join(", ")
}

function timeLeft({ eta }: ProgressSnapshot): string[] {
  return eta === null ? [] : [`${formatDuration(eta)} left`]
}

function waiting({ waitingFor }: ProgressSnapshot): string[] {
  return waitingFor === null ? [] : [`waiting: ${escapeForTerminal(waitingFor)}`]
}

function bar({ doneBytes, totalBytes }: ProgressSnapshot): string {
  const percent = formatPercent(doneBytes, totalBytes).padStart(6)
  const filled = totalBytes === 0 ? BAR_WIDTH : Math.floor((BAR_WIDTH * doneBytes) / totalBytes)
  const drawn = colours.green("━".repeat(filled)) + colours.dim("─".repeat(BAR_WIDTH - filled))
  return `${colours.bold(percent)} ${drawn}`
}

function indented(...lines: readonly string[]): string[] {
  return lines.map((line) => INDENT + line)
}

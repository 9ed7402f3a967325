import { redactUrl } from "../bytes/url.js"
import { AtError } from "../errors.js"
import type { PieceTable } from "../picker/piece-table.js"
import type { Platform } from "../ports/platform.js"
import type { Slot } from "../storage/slots.js"
import type { Announcers } from "../tracker/announcers.js"
import type { TrackerStatus } from "../tracker/tracker-entry.js"
import type { Discoveries } from "./finding/discoveries.js"
import type { PeerBook } from "./finding/peer-book.js"
import type { WebSeedRoster } from "./receiving/web-seed-roster.js"
import type { Roster } from "./roster.js"

/** What to do about peers where `reach` is `web`. */
export const PEERS_NEED_PROXY =
  "while a proxy is set only for HTTP, only peers that NO_PROXY covers are used: set ALL_PROXY=socks5://HOST:PORT, too, or NO_PROXY"

/**
 * What to say when nobody has what is missing and nobody is left to ask, so that waiting would be for ever. Undefined
 * while there is hope: a tracker that may be asked again is hope.
 */
export function noSources(parts: {
  readonly table: PieceTable<Slot>
  readonly roster: Roster
  readonly book: PeerBook
  readonly webSeeds: WebSeedRoster
  readonly announcer: Announcers
  readonly discoveries: Discoveries
  readonly unusable: readonly string[] | undefined
  readonly reach: Platform["reach"]
}): AtError | undefined {
  const { table, roster, book, webSeeds, announcer, discoveries, unusable = [], reach } = parts
  const needed = table.remaining - table.count("committing")
  if (needed === 0 || roster.connectedCount > 0 || book.hopeful || webSeeds.hopeful) return undefined
  if (discoveries.hopeful || announcer.status().some(mayAnswer)) return undefined
  const lacking = webSeeds.lacking()
  const reasons = webSeeds.all.map(({ url, state, wrongPieces }, index) => {
    if (state.kind === "disabled") return `${redactUrl(url)}: ${state.reason}`
    const why = wrongPieces === undefined ? "" : `: ${wrongPieces}`
    return `${redactUrl(url)} lacks ${lacking[index]} of the missing pieces${why}`
  })
  reasons.push(...discoveries.status(), ...unusable)
  const what = `no peer, tracker or web seed is left to ask for ${needed} of ${table.layout.pieceCount} pieces`
  return new AtError("AT_NO_SOURCES", [what, ...reasons].join("; "), {
    hint: reach === "web" ? PEERS_NEED_PROXY : "add a source with `urls` or `peers`, or ask the publisher to seed it",
  })
}

/** It is being asked, has not been asked yet, or will be asked again. */
export function mayAnswer({ state, nextAnnounceIn }: TrackerStatus): boolean {
  return state === "announcing" || state === "queued" || state === "idle" || nextAnnounceIn !== null
}

import type { Log } from "../ports/log.js"
import type { Endpoint } from "../ports/net.js"
import type { PeerBook } from "./finding/peer-book.js"
import type { WebSeedRuns } from "./receiving/web-seed-runs.js"
import type { Roster } from "./roster.js"
import type { Swarm } from "./swarm.js"

/** Peers remembered that gave blocks, the latest ones: a liar may leave before his piece is whole. */
const MOST_REMEMBERED = 2000

interface Parts {
  readonly roster: Pick<Roster, "sourceById">
  readonly swarm: Pick<Swarm, "convict">
  readonly webSeedRuns: Pick<WebSeedRuns, "pieceCorrupt">
  readonly book: PeerBook
  readonly log: Log
}

/** Draws the consequences for sources that sent wrong bytes, those that have left included. */
export class Culprits {
  readonly #parts: Parts
  /** Where those are that gave blocks; undefined: a web seed. */
  readonly #endpoints = new Map<number, Endpoint | undefined>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** The source gave a block. */
  gave(source: number): void {
    if (this.#endpoints.has(source)) return
    this.#endpoints.set(source, this.#parts.roster.sourceById(source)?.session.remote)
    if (this.#endpoints.size <= MOST_REMEMBERED) return
    const [oldest] = this.#endpoints.keys()
    if (oldest !== undefined) this.#endpoints.delete(oldest)
  }

  /** The source sent wrong bytes, without a doubt. */
  convict(source: number, piece: number): void {
    const { roster, swarm, webSeedRuns, book, log } = this.#parts
    const peer = roster.sourceById(source)
    const endpoint = peer?.session.remote ?? this.#endpoints.get(source)
    // A web seed. A peer that was forgotten looks the same, but no web seed has its number: nothing happens.
    if (endpoint === undefined) {
      webSeedRuns.pieceCorrupt(source, piece)
      return
    }
    const { host, port } = endpoint
    log.log("warn", "torrent", `peer ${host}:${port} sent wrong bytes in piece ${piece} and is dropped`)
    if (peer === undefined) book.ban(endpoint)
    else swarm.convict(peer)
  }
}

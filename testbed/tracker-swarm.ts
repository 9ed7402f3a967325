import { isIPv6 } from "node:net"

export interface TrackerPeer {
  host: string
  port: number
  /** 20 bytes in hex; zeros when absent. Only dictionary answers show it. */
  peerId?: string
  /** Counts as complete in scrapes. */
  seed?: boolean
}

/** One announce as it was understood. */
export interface Announce {
  readonly via: "http" | "udp"
  /** 40 hex digits. */
  readonly infoHash: string
  /** 20 bytes in hex. */
  readonly peerId: string
  /** Where it came from. */
  readonly host: string
  readonly port: number
  readonly event: "started" | "stopped" | "completed" | "none"
  readonly uploaded: number
  readonly downloaded: number
  /** Undefined when an HTTP client left it out. */
  readonly left: number | undefined
  /** Undefined when left out; a UDP key is 8 hex digits. */
  readonly key: string | undefined
  readonly numwant: number | undefined
  /** HTTP's `compact=1`; always true over UDP. */
  readonly compact: boolean
  /** The path and query over HTTP, BEP 41's URL data over UDP. */
  readonly url: string
  readonly userAgent: string | undefined
  /** Milliseconds on the process's own clock. */
  readonly at: number
}

interface Waiter {
  wanted(announce: Announce): boolean
  resolve(announce: Announce): void
}

/** Who shares what: the part that both trackers answer from. */
export class Swarm {
  readonly announces: Announce[] = []
  readonly scrapes: string[][] = []
  readonly #peers = new Map<string, Map<string, TrackerPeer>>()
  readonly #completed = new Map<string, number>()
  #waiters: Waiter[] = []

  add(infoHash: string, peer: TrackerPeer): void {
    const peers = this.#peers.get(infoHash) ?? new Map<string, TrackerPeer>()
    peers.set(`${peer.host} ${peer.port}`, peer)
    this.#peers.set(infoHash, peers)
  }

  remove(infoHash: string, peer: TrackerPeer): void {
    this.#peers.get(infoHash)?.delete(`${peer.host} ${peer.port}`)
  }

  /** Books an announce and returns the peers to answer with: never the one that asks. */
  announce(announce: Announce): TrackerPeer[] {
    this.announces.push(announce)
    const { infoHash, host, port, peerId } = announce
    const self: TrackerPeer = { host, port, peerId, seed: announce.left === 0 }
    if (announce.event === "stopped") this.remove(infoHash, self)
    else this.add(infoHash, self)
    if (announce.event === "completed") this.#completed.set(infoHash, this.completed(infoHash) + 1)
    this.#waiters = this.#waiters.filter((waiter) => {
      if (!waiter.wanted(announce)) return true
      waiter.resolve(announce)
      return false
    })
    if (announce.event === "stopped") return []
    const others = [...(this.#peers.get(infoHash)?.values() ?? [])].filter(
      (peer) => peer.host !== host || peer.port !== port,
    )
    return others.slice(0, announce.numwant ?? 50)
  }

  complete(infoHash: string): number {
    return [...(this.#peers.get(infoHash)?.values() ?? [])].filter((peer) => peer.seed === true).length
  }

  incomplete(infoHash: string): number {
    return (this.#peers.get(infoHash)?.size ?? 0) - this.complete(infoHash)
  }

  completed(infoHash: string): number {
    return this.#completed.get(infoHash) ?? 0
  }

  until(wanted: (announce: Announce) => boolean): Promise<Announce> {
    const past = this.announces.find(wanted)
    if (past !== undefined) return Promise.resolve(past)
    return new Promise((resolve) => this.#waiters.push({ wanted, resolve }))
  }
}

/** Peers of one address family, 6 or 18 bytes each (BEP 23, BEP 7). */
export function compactPeers(peers: readonly TrackerPeer[], family: 4 | 6): Buffer {
  const parts: Buffer[] = []
  for (const { host, port } of peers) {
    if (isIPv6(host) !== (family === 6)) continue
    const tail = Buffer.alloc(2)
    tail.writeUInt16BE(port)
    parts.push(family === 4 ? Buffer.from(host.split(".").map(Number)) : ipv6Bytes(host), tail)
  }
  return Buffer.concat(parts)
}

function ipv6Bytes(host: string): Buffer {
  const [head = "", tail] = host.split("::")
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"))
  const before = groups(head)
  const after = groups(tail ?? "")
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0")
  const bytes = Buffer.alloc(16)
  for (const [i, group] of [...before, ...zeros, ...after].entries())
    bytes.writeUInt16BE(Number.parseInt(group, 16), i * 2)
  return bytes
}

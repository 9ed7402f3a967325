import { randomBytes } from "node:crypto"
import { createSocket, type RemoteInfo } from "node:dgram"
import { isIPv6 } from "node:net"
import { inUrl } from "./listen.js"
import type { TrackerKnobs } from "./tracker.js"
import { type Announce, compactPeers, type Swarm } from "./tracker-swarm.js"

/** BEP 15: what a connect request starts with. */
const MAGIC = 0x41727101980n
const CONNECT = 0
const ANNOUNCE = 1
const SCRAPE = 2
const ERROR = 3
const ANNOUNCE_LENGTH = 98
const EVENTS = ["none", "completed", "started", "stopped"] as const
/** BEP 15: a tracker accepts a connection id for two minutes. */
const CONNECTION_LIFETIME = 120_000

/** The tracker's UDP half (BEP 15, with BEP 41's URL data). */
export async function createUdpTracker(
  swarm: Swarm,
  knobs: TrackerKnobs,
  host: string,
  port: number,
): Promise<{ url: string; close(): Promise<void> }> {
  const family = isIPv6(host) ? 6 : 4
  const socket = createSocket(family === 6 ? "udp6" : "udp4")
  const connections = new Map<bigint, number>()
  const timers = new Set<NodeJS.Timeout>()

  const reply = (packet: Buffer, to: RemoteInfo): void => {
    if (knobs.answer === "hang-up" || knobs.answer === "silent") return
    const timer = setTimeout(() => {
      timers.delete(timer)
      socket.send(packet, to.port, to.address)
    }, knobs.delay)
    timers.add(timer)
  }

  socket.on("message", (packet, from) => {
    if (packet.length < 16) return
    const action = packet.readUInt32BE(8)
    const transaction = packet.readUInt32BE(12)
    const connection = packet.readBigUInt64BE(0)
    if (action === CONNECT) {
      if (connection !== MAGIC) return
      const id = randomBytes(8)
      connections.set(id.readBigUInt64BE(), performance.now())
      return reply(Buffer.concat([header(CONNECT, transaction), id]), from)
    }
    const since = connections.get(connection)
    if (since === undefined || performance.now() - since > CONNECTION_LIFETIME) {
      return reply(errorPacket(transaction, "Connection ID missmatch."), from)
    }
    if (action === SCRAPE) return reply(scrape(swarm, packet, transaction), from)
    if (action !== ANNOUNCE || packet.length < ANNOUNCE_LENGTH) return
    const announce = readAnnounce(packet, from)
    const peers = compactPeers(swarm.announce(announce), family)
    if (knobs.answer === "failure" || knobs.answer === "error" || knobs.answer === "html") {
      return reply(errorPacket(transaction, knobs.reason || "refused"), from)
    }
    if (knobs.answer === "garbage") return reply(Buffer.from("not a tracker"), from)
    const counts = Buffer.alloc(12)
    counts.writeUInt32BE(knobs.interval, 0)
    counts.writeUInt32BE(swarm.incomplete(announce.infoHash), 4)
    counts.writeUInt32BE(swarm.complete(announce.infoHash), 8)
    const answered = knobs.answer === "stranger" ? (transaction ^ 1) >>> 0 : transaction
    reply(Buffer.concat([header(ANNOUNCE, answered), counts, peers]), from)
  })

  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject)
    socket.bind(port, host, resolve)
  })
  return {
    url: `udp://${inUrl(host)}:${socket.address().port}/announce`,
    async close() {
      for (const timer of timers) clearTimeout(timer)
      await new Promise<void>((resolve) => socket.close(resolve))
    },
  }
}

function header(action: number, transaction: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32BE(action, 0)
  bytes.writeUInt32BE(transaction, 4)
  return bytes
}

function errorPacket(transaction: number, message: string): Buffer {
  return Buffer.concat([header(ERROR, transaction), Buffer.from(message)])
}

function scrape(swarm: Swarm, packet: Buffer, transaction: number): Buffer {
  const hashes: string[] = []
  for (let at = 16; at + 20 <= packet.length; at += 20) hashes.push(packet.toString("hex", at, at + 20))
  swarm.scrapes.push(hashes)
  const counts = hashes.map((hash) => {
    const bytes = Buffer.alloc(12)
    bytes.writeUInt32BE(swarm.complete(hash), 0)
    bytes.writeUInt32BE(swarm.completed(hash), 4)
    bytes.writeUInt32BE(swarm.incomplete(hash), 8)
    return bytes
  })
  return Buffer.concat([header(SCRAPE, transaction), ...counts])
}

function readAnnounce(packet: Buffer, from: RemoteInfo): Announce {
  const numwant = packet.readInt32BE(92)
  return {
    via: "udp",
    infoHash: packet.toString("hex", 16, 36),
    peerId: packet.toString("hex", 36, 56),
    host: from.address,
    downloaded: Number(packet.readBigInt64BE(56)),
    left: Number(packet.readBigInt64BE(64)),
    uploaded: Number(packet.readBigInt64BE(72)),
    event: EVENTS[packet.readUInt32BE(80)] ?? "none",
    key: packet.toString("hex", 88, 92),
    numwant: numwant < 0 ? undefined : numwant,
    port: packet.readUInt16BE(96),
    compact: true,
    url: urlData(packet),
    userAgent: undefined,
    at: performance.now(),
  }
}

/** BEP 41: options after the fixed part; type 2 carries the URL's path and query in pieces of up to 255 bytes. */
function urlData(packet: Buffer): string {
  let url = ""
  for (let at = ANNOUNCE_LENGTH; at < packet.length; ) {
    const type = packet[at]!
    if (type === 0) break
    if (type === 1) {
      at++
      continue
    }
    const length = packet[at + 1] ?? 0
    if (type === 2) url += packet.toString("utf8", at + 2, at + 2 + length)
    at += 2 + length
  }
  return url
}

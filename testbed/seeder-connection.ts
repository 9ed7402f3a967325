import { once } from "node:events"
import type { Socket } from "node:net"
import type { Content } from "./content.js"
import type { Pacer } from "./pacer.js"
import type { Torrent } from "./torrent.js"

const HANDSHAKE_LENGTH = 68
const PROTOCOL = Buffer.from("\x13BitTorrent protocol", "latin1")
/** Nothing longer comes from a leecher, but for the odd piece or extension message. */
const LONGEST_MESSAGE = 1024 * 1024
const LONGEST_REQUEST = 128 * 1024

const CHOKE = 0
const UNCHOKE = 1
const INTERESTED = 2
const NOT_INTERESTED = 3
const HAVE = 4
const BITFIELD = 5
const REQUEST = 6
const PIECE = 7
const CANCEL = 8

/** Bytes of the messages whose payload is read. */
const LENGTHS: Readonly<Record<number, number>> = { [HAVE]: 5, [REQUEST]: 13, [CANCEL]: 13 }

/** A block that a peer asked for and that is about to go out. */
export interface BlockRequest {
  readonly piece: number
  readonly begin: number
  readonly length: number
  /** Blocks this connection was sent before. */
  readonly sentBefore: number
}

/**
 * What happens instead of an honest block: wrong bytes; no answer, for ever; the connection is cut; or a choke that
 * drops everything asked for (BEP 3), with an unchoke right after it.
 */
export type BlockFault = "corrupt" | "withhold" | "hang-up" | "choke"

/** What the seeder saw of one peer. */
export interface SeenPeer {
  /** 20 bytes in hex; empty before the handshake. */
  peerId: string
  /** The 8 reserved bytes of its handshake in hex. */
  reserved: string
  /** Who dialled. */
  dialledBy: "peer" | "seeder"
  interested: boolean
  requests: number
  cancels: number
  /** Pieces it said it has. */
  haves: number[]
  blocksSent: number
  open: boolean
}

export interface ConnectionContext {
  readonly torrent: Torrent
  readonly content: Content
  /** 1 for each piece it has. */
  readonly pieces: Uint8Array
  readonly peerId: Buffer
  readonly seen: SeenPeer
  readonly pacer: Pacer
  readonly signal: AbortSignal
  readonly neverUnchokes: boolean
  fault(request: BlockRequest): BlockFault | undefined
  sent(request: BlockRequest): void
}

interface Wanted {
  readonly piece: number
  readonly begin: number
  readonly length: number
}

/** The seeder's side of one connection. */
export class SeederConnection {
  readonly #socket: Socket
  readonly #context: ConnectionContext
  #received: Buffer = Buffer.alloc(0)
  #greeted = false
  #choking = true
  #queue: Wanted[] = []
  #sending = false

  constructor(socket: Socket, context: ConnectionContext) {
    this.#socket = socket
    this.#context = context
  }

  start(): void {
    this.#socket.setNoDelay(true)
    this.#socket.on("data", (bytes: Buffer) => this.#take(bytes))
    if (this.#context.seen.dialledBy === "seeder") this.#socket.once("connect", () => this.#greet())
  }

  #greet(): void {
    const { torrent, peerId, pieces } = this.#context
    this.#socket.write(Buffer.concat([PROTOCOL, Buffer.alloc(8), Buffer.from(torrent.infoHash, "hex"), peerId]))
    const bits = Buffer.alloc(Math.ceil(pieces.length / 8))
    for (let i = 0; i < pieces.length; i++) if (pieces[i] === 1) bits[i >> 3] = bits[i >> 3]! | (0x80 >> (i & 7))
    this.#send(BITFIELD, bits)
  }

  #take(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
    if (!this.#greeted && !this.#readHandshake()) return
    let at = 0
    while (this.#received.length - at >= 4) {
      const length = this.#received.readUInt32BE(at)
      if (length > LONGEST_MESSAGE) return void this.#socket.destroy()
      if (this.#received.length - at < 4 + length) break
      if (length > 0) this.#message(this.#received.subarray(at + 4, at + 4 + length))
      at += 4 + length
    }
    this.#received = this.#received.subarray(at)
  }

  #readHandshake(): boolean {
    if (this.#received.length < HANDSHAKE_LENGTH) return false
    const { torrent, seen } = this.#context
    const right =
      this.#received.subarray(0, 20).equals(PROTOCOL) && this.#received.toString("hex", 28, 48) === torrent.infoHash
    if (!right) {
      this.#socket.destroy()
      return false
    }
    seen.reserved = this.#received.toString("hex", 20, 28)
    seen.peerId = this.#received.toString("hex", 48, 68)
    this.#received = this.#received.subarray(HANDSHAKE_LENGTH)
    this.#greeted = true
    if (seen.dialledBy === "peer") this.#greet()
    return true
  }

  #message(message: Buffer): void {
    const { seen } = this.#context
    const id = message.readUInt8(0)
    const length = LENGTHS[id]
    if (length !== undefined && length !== message.length) return void this.#socket.destroy()
    switch (id) {
      case INTERESTED:
        seen.interested = true
        if (this.#choking && !this.#context.neverUnchokes) {
          this.#choking = false
          this.#send(UNCHOKE)
        }
        return
      case NOT_INTERESTED:
        seen.interested = false
        return
      case HAVE:
        seen.haves.push(message.readUInt32BE(1))
        return
      case REQUEST: {
        seen.requests++
        const wanted = wantedOf(message)
        if (!this.#mayServe(wanted)) return void this.#socket.destroy()
        if (this.#choking) return
        this.#queue.push(wanted)
        this.#startSending()
        return
      }
      case CANCEL: {
        seen.cancels++
        const { piece, begin } = wantedOf(message)
        this.#queue = this.#queue.filter((wanted) => wanted.piece !== piece || wanted.begin !== begin)
        return
      }
    }
  }

  #mayServe({ piece, begin, length }: Wanted): boolean {
    const { torrent, pieces } = this.#context
    const end = piece * torrent.pieceLength + begin + length
    return (
      pieces[piece] === 1 && length <= LONGEST_REQUEST && begin + length <= torrent.pieceLength && end <= torrent.length
    )
  }

  #startSending(): void {
    if (this.#sending) return
    this.#sending = true
    this.#sendQueued().then(
      () => {
        this.#sending = false
      },
      () => this.#socket.destroy(),
    )
  }

  async #sendQueued(): Promise<void> {
    const { torrent, content, pacer, seen, signal } = this.#context
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const request: BlockRequest = { ...next, sentBefore: seen.blocksSent }
      const fault = this.#context.fault(request)
      if (fault === "hang-up") return void this.#socket.destroy()
      if (fault === "withhold") continue
      if (fault === "choke") {
        this.#queue = []
        this.#send(CHOKE)
        this.#send(UNCHOKE)
        continue
      }
      await pacer.take(next.length, signal)
      const block = await content(next.piece * torrent.pieceLength + next.begin, next.length)
      if (this.#socket.destroyed) return
      if (fault === "corrupt") block[0] = block[0]! ^ 0xff
      const header = Buffer.alloc(8)
      header.writeUInt32BE(next.piece, 0)
      header.writeUInt32BE(next.begin, 4)
      this.#context.sent(request)
      seen.blocksSent++
      if (!this.#send(PIECE, header, block)) await once(this.#socket, "drain", { signal })
    }
  }

  #send(id: number, ...payload: readonly Buffer[]): boolean {
    const length = payload.reduce((sum, part) => sum + part.length, 1)
    const head = Buffer.alloc(5)
    head.writeUInt32BE(length, 0)
    head[4] = id
    this.#socket.cork()
    this.#socket.write(head)
    let room = true
    for (const part of payload) room = this.#socket.write(part)
    this.#socket.uncork()
    return room
  }
}

function wantedOf(message: Buffer): Wanted {
  return { piece: message.readUInt32BE(1), begin: message.readUInt32BE(5), length: message.readUInt32BE(9) }
}

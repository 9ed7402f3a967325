import { randomBytes } from "node:crypto"
import { createServer, connect as dial, type Socket } from "node:net"
import type { Content } from "./content.js"
import { inUrl, listen } from "./listen.js"
import { Pacer } from "./pacer.js"
import { type BlockFault, type BlockRequest, SeederConnection, type SeenPeer } from "./seeder-connection.js"
import type { Torrent } from "./torrent.js"

export type { BlockFault, BlockRequest, SeenPeer } from "./seeder-connection.js"

/** What blocks are counted in (BEP 3). */
export const BLOCK = 16384

export interface SeederOptions {
  torrent: Torrent
  content: Content
  /** 127.0.0.1 when absent. */
  host?: string
  /** A free one when absent. */
  port?: number
  /** Bytes a second, over all connections; no limit when absent. */
  rate?: number
  /** The pieces it has; all when absent. */
  pieces?: Iterable<number>
  /** Asked before each block. */
  fault?: (request: BlockRequest) => BlockFault | undefined
  /** Takes interest for granted and answers none of it. */
  neverUnchokes?: boolean
  /** Accepts connections and says nothing at all. */
  silent?: boolean
}

export interface Seeder {
  readonly torrent: Torrent
  readonly host: string
  readonly port: number
  /** `host:port`, as `--peer` takes it. */
  readonly address: string
  readonly peers: readonly SeenPeer[]
  /** How often each block went out, wrong ones too: `piece × blocksPerPiece + begin / 16384`. */
  readonly blocksServed: Uint16Array
  readonly blocksPerPiece: number
  /** Payload bytes sent. */
  readonly bytesServed: number
  /** Bytes a second; may be changed at any time. */
  rate: number
  /** Dials a peer, as a seeder does that learnt of it from a tracker. */
  connect(host: string, port: number): void
  close(): Promise<void>
}

/** Starts a plain BEP 3 seeder: no extensions, no encryption, one torrent. */
export async function startSeeder(options: SeederOptions): Promise<Seeder> {
  const { torrent } = options
  const host = options.host ?? "127.0.0.1"
  const stop = new AbortController()
  const pacer = new Pacer(options.rate)
  const blocksPerPiece = Math.ceil(torrent.pieceLength / BLOCK)
  const blocksServed = new Uint16Array(torrent.pieceCount * blocksPerPiece)
  const peers: SeenPeer[] = []
  const peerId = Buffer.concat([Buffer.from("-TB0001-"), randomBytes(12)])
  const pieces = new Uint8Array(torrent.pieceCount).fill(options.pieces === undefined ? 1 : 0)
  for (const piece of options.pieces ?? []) pieces[piece] = 1
  let bytesServed = 0

  const attach = (socket: Socket, dialledBy: SeenPeer["dialledBy"]): void => {
    const seen: SeenPeer = {
      peerId: "",
      reserved: "",
      dialledBy,
      interested: false,
      requests: 0,
      cancels: 0,
      haves: [],
      blocksSent: 0,
      open: true,
    }
    peers.push(seen)
    socket.once("close", () => {
      seen.open = false
    })
    socket.on("error", () => socket.destroy())
    if (options.silent) return void socket.resume()
    new SeederConnection(socket, {
      torrent,
      content: options.content,
      pieces,
      peerId,
      seen,
      pacer,
      signal: stop.signal,
      neverUnchokes: options.neverUnchokes ?? false,
      fault: options.fault ?? (() => undefined),
      sent(request) {
        const block = request.piece * blocksPerPiece + Math.floor(request.begin / BLOCK)
        blocksServed[block] = blocksServed[block]! + 1
        bytesServed += request.length
      },
    }).start()
  }

  const server = createServer((socket) => attach(socket, "peer"))
  const listening = await listen(server, host, options.port ?? 0)
  const dialled = new Set<Socket>()
  return {
    torrent,
    host,
    port: listening.port,
    address: `${inUrl(host)}:${listening.port}`,
    peers,
    blocksServed,
    blocksPerPiece,
    get bytesServed() {
      return bytesServed
    },
    get rate() {
      return pacer.rate
    },
    set rate(rate) {
      pacer.rate = rate
    },
    connect(toHost, toPort) {
      const socket = dial(toPort, toHost)
      dialled.add(socket)
      socket.once("close", () => dialled.delete(socket))
      attach(socket, "seeder")
    },
    async close() {
      stop.abort()
      for (const socket of dialled) socket.destroy()
      await listening.close()
    },
  }
}

/** The torrent's last block: the one that clients hang on. */
export function isLastBlock(torrent: Torrent, request: BlockRequest): boolean {
  return request.piece * torrent.pieceLength + request.begin + request.length === torrent.length
}

/** Pieces of which some block went out more than once, over all the given seeders. */
export function piecesServedTwice(...seeders: readonly Seeder[]): number[] {
  const first = seeders[0]
  if (first === undefined) return []
  const twice = new Set<number>()
  for (let block = 0; block < first.blocksServed.length; block++) {
    let times = 0
    for (const seeder of seeders) times += seeder.blocksServed[block]!
    if (times > 1) twice.add(Math.floor(block / first.blocksPerPiece))
  }
  return [...twice]
}

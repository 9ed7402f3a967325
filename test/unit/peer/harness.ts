import { Bitfield } from "../../../src/bytes/bitfield.js"
import { type LayoutFile, TorrentLayout } from "../../../src/metainfo/layout.js"
import type { PeerHost } from "../../../src/peer/peer-host.js"
import { PeerSession } from "../../../src/peer/peer-session.js"
import type { PeerSessionOptions } from "../../../src/peer/peer-session-options.js"
import type { Clock, Timer } from "../../../src/ports/clock.js"
import type { ByteStream } from "../../../src/ports/net.js"
import { WireDecoder } from "../../../src/wire/decoder.js"
import { encodeHandshake, HANDSHAKE_LENGTH } from "../../../src/wire/handshake.js"
import { type Call, Output, RecordingSink } from "../wire/calls.js"

export const infoHash = new Uint8Array(20).fill(0xaa)
export const ourId = new TextEncoder().encode("-AT0100-aaaaaaaaaaaa")
export const theirId = new TextEncoder().encode("-TR3000-bbbbbbbbbbbb")

/** A torrent of one file. */
export function layoutOf(length: number, pieceLength: number): TorrentLayout {
  const file: LayoutFile = { path: "data", offset: 0, length, padding: false }
  return new TorrentLayout(pieceLength, [file])
}

/** Five pieces of four blocks, but the last: 1 block and 100 bytes. */
export const layout: TorrentLayout = layoutOf(4 * 65536 + 16384 + 100, 65536)

/** Bytes of a block. */
export const BLOCK = 16384

/** All of the torrent. */
export function full(): Bitfield {
  const have = new Bitfield(layout.pieceCount)
  have.fill()
  return have
}

export class ManualClock implements Clock {
  #now = 1000
  #timers: { at: number; fn: () => void }[] = []

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return this.#now
  }

  after(delay: number, fn: () => void): Timer {
    const timer = { at: this.#now + delay, fn }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }

  get timers(): number {
    return this.#timers.length
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds
    const due = this.#timers.filter((timer) => timer.at <= this.#now)
    this.#timers = this.#timers.filter((timer) => timer.at > this.#now)
    for (const { fn } of due) fn()
  }
}

/** One end of a connection whose bytes move when a test says so. */
export class MemoryStream implements ByteStream {
  readonly remote = { host: "192.0.2.1", port: 6881 }
  readonly written: Uint8Array[] = []
  readonly #onTaken: (() => void)[] = []
  paused = false
  destroyed = false

  get bufferedBytes(): number {
    return this.written.reduce((sum, chunk) => sum + chunk.length, 0)
  }

  write(chunk: Uint8Array, onTaken?: () => void): boolean {
    if (onTaken !== undefined) this.#onTaken.push(onTaken)
    if (this.destroyed) this.#tellTaken()
    else this.written.push(chunk)
    return true
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  destroy(): void {
    this.destroyed = true
    this.#tellTaken()
  }

  take(): Uint8Array {
    this.#tellTaken()
    return new Uint8Array(Buffer.concat(this.written.splice(0)))
  }

  #tellTaken(): void {
    for (const onTaken of this.#onTaken.splice(0)) onTaken()
  }
}

/** What a host was told, in order; blocks go where `memory` says. */
export class RecordingHost implements PeerHost<PeerSession> {
  readonly events: Call[] = []
  /** What to do beside writing down, by event. */
  readonly react = new Map<string, (peer: PeerSession) => void>()
  destination: (block: number) => Uint8Array | null = (block) => new Uint8Array(layout.blockLength(block))
  have = new Bitfield(layout.pieceCount)

  #note(peer: PeerSession, name: string, ...values: (number | string)[]): void {
    this.events.push([name, ...values])
    this.react.get(name)?.(peer)
  }

  /** The events of one name. */
  of(name: string): Call[] {
    return this.events.filter((event) => event[0] === name)
  }

  onReady(peer: PeerSession): void {
    this.#note(peer, "ready")
    peer.announcePieces(this.have)
  }
  onClosed(peer: PeerSession, reason: Error | undefined): void {
    this.#note(peer, "closed", reason?.message ?? "")
  }
  onPieces(peer: PeerSession, previous: Bitfield | undefined): void {
    this.#note(peer, "pieces", peer.pieces?.count ?? "none", previous?.count ?? "none")
  }
  onHave(peer: PeerSession, piece: number): void {
    this.#note(peer, "have", piece)
  }
  onDontHave(peer: PeerSession, piece: number): void {
    this.#note(peer, "dontHave", piece)
  }
  onChoked(peer: PeerSession): void {
    this.#note(peer, "choked")
  }
  onInterestChanged(peer: PeerSession): void {
    this.#note(peer, "interest", String(peer.peerInterested))
  }
  onRequest(peer: PeerSession, piece: number, begin: number, length: number): void {
    this.#note(peer, "request", piece, begin, length)
  }
  onBlockBegin(peer: PeerSession, block: number): Uint8Array | null {
    this.#note(peer, "begin", block)
    return this.destination(block)
  }
  onBlockEnd(peer: PeerSession, block: number): void {
    this.#note(peer, "end", block)
  }
  onDropped(peer: PeerSession, block: number): void {
    this.#note(peer, "dropped", block)
  }
  onRoom(peer: PeerSession): void {
    this.#note(peer, "room")
  }
  onExtended(peer: PeerSession): void {
    this.#note(peer, "extended")
  }
  onExtensionMessage(peer: PeerSession, id: number, payload: Uint8Array): void {
    this.#note(peer, "extension", id, payload.length)
  }
  onPort(peer: PeerSession, port: number): void {
    this.#note(peer, "port", port)
  }
  onSendRoom(peer: PeerSession): void {
    this.#note(peer, "sendRoom")
  }
}

/** A session with a remote side that says what the test wants and writes down what it hears. */
export class Scripted {
  readonly clock = new ManualClock()
  readonly stream = new MemoryStream()
  readonly host: RecordingHost
  readonly session: PeerSession
  /** The remote side's voice: put messages in, then `say`. */
  readonly voice = new Output()
  readonly #ears = new RecordingSink()
  readonly #decoder = new WireDecoder(this.#ears, layout.pieceCount)

  constructor(options: Partial<PeerSessionOptions<PeerSession>> & { host?: RecordingHost } = {}) {
    this.host = options.host ?? new RecordingHost()
    this.session = new PeerSession({
      clock: this.clock,
      layout,
      infoHash,
      peerId: ourId,
      direction: "outgoing",
      clientVersion: "academictorrents 0.1.0",
      ...options,
      host: this.host,
    })
  }

  /** Up to the end of both handshakes. */
  static async ready(
    options: { fast?: boolean; extended?: boolean; host?: RecordingHost; layout?: TorrentLayout } = {},
  ): Promise<Scripted> {
    const { host, layout: other } = options
    const scripted = new Scripted({ ...(host && { host }), ...(other && { layout: other }) })
    scripted.session.attach(scripted.stream)
    scripted.session.onOpen()
    const handshake = encodeHandshake(infoHash, theirId)
    if (options.fast === false) handshake[27] = 0
    if (options.extended === false) handshake[25] = 0
    scripted.session.onData(handshake)
    await Promise.resolve()
    scripted.stream.written[0] = scripted.stream.written[0]!.subarray(HANDSHAKE_LENGTH)
    scripted.hears()
    scripted.host.events.length = 0
    return scripted
  }

  /** The remote side sends what was put into `voice`. */
  say(): void {
    const encoded = this.voice.bytes()
    this.voice.clear()
    if (encoded.length > 0) this.session.onData(encoded)
  }

  sendBlock(block: number, fill = block): void {
    const piece = layout.pieceOfBlock(block)
    this.voice.block(piece, layout.indexOfBlock(block) * 16384, new Uint8Array(layout.blockLength(block)).fill(fill))
  }

  /** What the remote side has heard since the last call. */
  hears(): Call[] {
    this.#decoder.push(this.stream.take())
    return this.#ears.calls.splice(0)
  }

  /** The same, when the present turn is over. */
  async hearsSoon(): Promise<Call[]> {
    await Promise.resolve()
    return this.hears()
  }

  /** Events since the last call. */
  events(): Call[] {
    return this.host.events.splice(0)
  }

  /** Time passes, with a tick every 250 ms. */
  pass(milliseconds: number): void {
    for (let passed = 0; passed < milliseconds; passed += 250) {
      this.clock.advance(250)
      this.session.tick(this.clock.now())
    }
  }
}

/** Ready, unchoked, and with these blocks asked for. */
export async function asking(blocks: readonly number[], options: { fast?: boolean } = {}): Promise<Scripted> {
  const peer = await Scripted.ready(options)
  peer.voice.encoder.unchoke()
  peer.say()
  for (const block of blocks) peer.session.requester.request(block)
  await peer.hearsSoon()
  peer.events()
  return peer
}

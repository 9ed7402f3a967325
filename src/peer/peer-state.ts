import type { Bitfield } from "../bytes/bitfield.js"
import { RateMeter } from "../bytes/rate-meter.js"
import { BlockWriter } from "./block-writer.js"
import { clientOf } from "./peer-id.js"

/** What is known of a peer, and where both sides stand (BEP 3, 6, 10, 21). Written by its session alone. */
export class PeerState {
  readonly direction: "outgoing" | "incoming"
  /** The other side's id; undefined until its handshake is in. */
  peerId: Uint8Array | undefined
  /** The fast extension (BEP 6) is on. */
  fast = false
  /** Both speak v2 about the torrent (BEP 52). */
  v2 = false
  /** The extension protocol (BEP 10) is on. */
  extended = false
  /** It takes part in the DHT (BEP 5). */
  dht = false
  amChoking = true
  amInterested = false
  peerChoking = true
  peerInterested = false
  /** What the other side has; undefined as long as it said nothing. */
  pieces: Bitfield | undefined
  /** Pieces we may ask for although it chokes us (BEP 6). It need not have them. */
  readonly allowedFast: Set<number> = new Set()
  /** The other side's port for connections to it, if it said so. */
  listenPort: number | undefined
  /** Client and version in its own words (BEP 10). */
  namedClient: string | undefined
  /** It said that it would rather have connections encrypted. */
  prefersEncryption = false
  /** It said that it wants nothing (BEP 21). */
  saidUploadOnly = false
  /** Where the block that is arriving goes. */
  readonly writer: BlockWriter = new BlockWriter()
  /** Counts the bytes of blocks that come, wanted or not. */
  readonly downloadMeter: RateMeter = new RateMeter()
  /** Counts the bytes of blocks that go out. */
  readonly uploadMeter: RateMeter = new RateMeter()

  constructor(direction: "outgoing" | "incoming") {
    this.direction = direction
  }

  /** What the other side calls itself: a stranger's text, to be escaped where it is shown. */
  get clientName(): string {
    const fromId = this.peerId === undefined ? undefined : clientOf(this.peerId)
    return this.namedClient ?? fromId ?? "unknown client"
  }

  get isSeed(): boolean {
    return this.pieces?.complete ?? false
  }

  /** It wants nothing: it has all, or said so (BEP 21). */
  get uploadOnly(): boolean {
    return this.saidUploadOnly || this.isSeed
  }

  /** Bytes of blocks that came, wanted or not. */
  get downloaded(): number {
    return this.downloadMeter.total
  }

  /** Bytes of blocks that we gave. */
  get uploaded(): number {
    return this.uploadMeter.total
  }

  /** Bytes of blocks a second over the last five seconds. */
  downloadRate(now: number): number {
    return this.downloadMeter.rate(now)
  }

  /** Bytes of blocks a second over the last five seconds. */
  uploadRate(now: number): number {
    return this.uploadMeter.rate(now)
  }
}

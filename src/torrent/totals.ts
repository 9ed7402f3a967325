import { RateMeter } from "../bytes/rate-meter.js"

/** What went through a torrent since it was started. Bytes are payload. */
export class Totals {
  peerBytes = 0
  webSeedBytes = 0
  /** Bytes of blocks that another source had delivered first. */
  duplicateBytes = 0
  /** Bytes of blocks that peers sent unasked, or after we had taken the request back. */
  unaskedBytes = 0
  /** Bytes of web seeds' runs that ended in the middle of a block. */
  cutOffBytes = 0
  /** Bytes of pieces that did not hash right. */
  corruptBytes = 0
  /** Clock time when bytes last arrived, or would have but for our own limit, ms. */
  lastArrival: number
  readonly #peerMeter = new RateMeter()
  readonly #webSeedMeter = new RateMeter()

  constructor(now: number) {
    this.lastArrival = now
  }

  fromPeer(bytes: number, kept: boolean, now: number): void {
    this.peerBytes += bytes
    if (!kept) this.duplicateBytes += bytes
    this.#peerMeter.add(bytes, now)
    this.lastArrival = now
  }

  /** A peer sent what it was not asked for: that is no sign of life. */
  unasked(bytes: number): void {
    this.peerBytes += bytes
    this.unaskedBytes += bytes
  }

  fromWebSeed(bytes: number, now: number): void {
    this.webSeedBytes += bytes
    this.#webSeedMeter.add(bytes, now)
    this.lastArrival = now
  }

  /** Our own download limit keeps bytes from arriving. */
  held(now: number): void {
    this.lastArrival = now
  }

  peerRate(now: number): number {
    return this.#peerMeter.rate(now)
  }

  webSeedRate(now: number): number {
    return this.#webSeedMeter.rate(now)
  }

  /** Bytes that were of no use, whole pieces given up apart. */
  get wasted(): number {
    return this.duplicateBytes + this.unaskedBytes + this.cutOffBytes + this.corruptBytes
  }

  get downloaded(): number {
    return this.peerBytes + this.webSeedBytes
  }
}

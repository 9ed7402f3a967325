import { RateMeter } from "../bytes/rate-meter.js"

/** What went through a torrent since it was started. Bytes are payload. */
export class Totals {
  peerBytes = 0
  webSeedBytes = 0
  /** Bytes that were not needed: late, doubled. */
  duplicateBytes = 0
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

  get downloaded(): number {
    return this.peerBytes + this.webSeedBytes
  }
}

import { holdingOf } from "../bytes/ip-scope.js"
import { IncomingHandshake } from "../peer/incoming-handshake.js"
import type { ByteStream, StreamListener } from "../ports/net.js"
import type { Platform } from "../ports/platform.js"
import type { EncryptionPolicy } from "../wire/encryption-policy.js"
import { EncryptedArrivals } from "./encrypted-arrivals.js"

/** Connections whose handshake we wait for, at most (rqbit: 256). */
const MAX_HANDSHAKES = 256
/** Of one host. Many may share one behind a gateway, but a handshake takes no longer than a round trip or two. */
const MAX_OF_HOST = 32

export interface ArrivalsOptions {
  readonly platform: Platform
  readonly policy: EncryptionPolicy
  /** Who takes over a connection for this infohash; see {@link IncomingHandshake}. */
  readonly find: (infoHash: Uint8Array, stream: ByteStream, received: Uint8Array) => StreamListener | undefined
}

/**
 * Accepted connections until it is known for which torrent they are. Nobody can keep others out by connecting and saying
 * nothing: one host has only some of the places, and when all are taken the one that has waited longest makes room.
 */
export class Arrivals {
  /** By host; those that came first are first. */
  readonly #handshakes = new Map<IncomingHandshake, string>()
  readonly #encryption: EncryptedArrivals
  readonly #options: ArrivalsOptions

  constructor(options: ArrivalsOptions) {
    this.#options = options
    this.#encryption = new EncryptedArrivals(options.platform)
  }

  /** There is a torrent that others may want. */
  add(infoHash: Uint8Array): void {
    this.#encryption.add(infoHash)
  }

  accept(stream: ByteStream): StreamListener {
    const { platform, policy, find } = this.#options
    const host = holdingOf(stream.remote.host)
    const handshake: IncomingHandshake = new IncomingHandshake({
      stream,
      clock: platform.clock,
      plain: policy !== "require",
      encryption: policy === "off" ? undefined : this.#encryption.for(policy, host),
      onInfoHash: (infoHash, agreed, received) => {
        this.#handshakes.delete(handshake)
        return find(infoHash, agreed, received)
      },
      onClosed: () => this.#handshakes.delete(handshake),
    })
    const [oldest] = this.#handshakes.keys()
    const [oldestOfHost, ...othersOfHost] = this.#of(host)
    if (othersOfHost.length >= MAX_OF_HOST - 1) oldestOfHost?.close()
    else if (this.#handshakes.size >= MAX_HANDSHAKES) oldest?.close()
    this.#handshakes.set(handshake, host)
    return handshake
  }

  /** Ends all that have not been taken over. */
  close(): void {
    for (const handshake of [...this.#handshakes.keys()]) handshake.close()
  }

  /** Those of a host; the oldest is first. */
  #of(host: string): IncomingHandshake[] {
    return [...this.#handshakes.keys()].filter((handshake) => this.#handshakes.get(handshake) === host)
  }
}

import { endpointKey } from "../bytes/endpoint-key.js"
import type { ByteStream, Endpoint, Listener, Net, StreamListener, UtpWish } from "../ports/net.js"
import { DialedStream, type DialerOptions, type Way } from "./dialed-stream.js"

/** ms until the second way is tried besides a connection that is still being made the first. */
const SECOND_DELAY = 2500
/** The same where uTP is expected to get through and TCP perhaps not. */
const SOON = 500
/** Places remembered that TCP does not reach. */
const MAX_REMEMBERED = 500
/** TCP connections that stood and brought no byte until uTP comes first: one in plain, one encrypted. */
const SILENT_ENDS = 2

/**
 * The network with uTP (BEP 29) for peers that TCP does not reach. TCP is faster where both work, so it comes first; but not
 * to a place where it stood twice and no byte came, or where uTP alone got through the last time.
 */
export class Dialer implements Net {
  readonly #options: DialerOptions
  /** TCP connections in a row that brought no byte, by place. */
  readonly #silentEnds = new Map<string, number>()

  constructor(options: DialerOptions) {
    this.#options = options
  }

  connect(remote: Endpoint, listener: StreamListener, utp?: UtpWish): ByteStream {
    const place = endpointKey(remote)
    const utpFirst = (this.#silentEnds.get(place) ?? 0) >= SILENT_ENDS
    const ways: Way[] = utp === "alone" ? ["utp"] : utpFirst ? ["utp", "tcp"] : ["tcp", "utp"]
    const secondDelay = utp === "soon" ? SOON : SECOND_DELAY
    return new DialedStream(this.#options, { remote, listener, ways, secondDelay }, (way, worked) => {
      const before = this.#silentEnds.get(place) ?? 0
      if (way === "tcp") this.#remember(place, worked ? 0 : before + 1)
      else if (worked) this.#remember(place, SILENT_ENDS)
    })
  }

  listen(options: { port: number; host?: string }, accept: (stream: ByteStream) => StreamListener): Promise<Listener> {
    return this.#options.net.listen(options, accept)
  }

  resolve(hostname: string): Promise<string[]> {
    return this.#options.net.resolve(hostname)
  }

  #remember(place: string, silentEnds: number): void {
    this.#silentEnds.delete(place)
    if (silentEnds > 0) this.#silentEnds.set(place, silentEnds)
    for (const oldest of this.#silentEnds.keys()) {
      if (this.#silentEnds.size <= MAX_REMEMBERED) break
      this.#silentEnds.delete(oldest)
    }
  }
}

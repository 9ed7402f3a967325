import type { Timer } from "../../../src/ports/clock.js"
import type { ByteStream, Endpoint, StreamListener } from "../../../src/ports/net.js"
import { canonicalAddress, networkError } from "./addresses.js"
import type { PortOwner, VirtualHost, VirtualNetwork } from "./virtual-network.js"
import { Wire } from "./wire.js"

/** What a segment without payload weighs on a link, in bytes. */
const HEADER_BYTES = 40
/** Memory given for the length of a call alone is overwritten with this after it. */
const SCRIBBLE = 0xdb

/** An open port with those who wait behind it. */
export interface VirtualPort extends PortOwner {
  accept(stream: ByteStream): StreamListener
}

/** One end of a connection. */
export class VirtualStream implements ByteStream {
  readonly remote: Endpoint
  readonly ownHost: string
  readonly #network: VirtualNetwork
  readonly #host: VirtualHost
  #listener: StreamListener
  #state: "connecting" | "open" | "closed" = "connecting"
  /** The host forgets this connection when its process or the machine dies. */
  readonly #reset = (silently: boolean): void => {
    if (this.#state === "closed") return
    if (!silently) this.#sendReset()
    this.#state = "closed"
    this.#forget()
  }
  #connectTimer: Timer | undefined

  #other: VirtualStream | undefined
  #data: Wire | undefined
  #acknowledgements: Wire | undefined

  readonly #queue: { readonly chunk: Uint8Array; readonly onTaken: (() => void) | undefined }[] = []
  /** How much of the queue's first chunk is gone. */
  #sent = 0
  #buffered = 0
  #needsDrain = false
  #pumpAsked = false
  /** Handed to the network, not yet read by the other side. */
  #underWay = 0

  readonly #inbox: Uint8Array[] = []
  #paused = false
  #flushAsked = false
  #finished = false

  /** `ownHost`: an address of the host. */
  constructor(
    network: VirtualNetwork,
    { host, ownHost, remote }: { host: VirtualHost; ownHost: string; remote: Endpoint },
    listener: StreamListener,
  ) {
    this.#network = network
    this.#host = host
    this.ownHost = ownHost
    this.remote = remote
    this.#listener = listener
    host.onReset.add(this.#reset)
  }

  get bufferedBytes(): number {
    return this.#buffered
  }

  write(chunk: Uint8Array, onTaken?: () => void): boolean {
    if (this.#state === "closed" || chunk.length === 0) {
      onTaken?.()
      return this.#state !== "closed"
    }
    this.#queue.push({ chunk, onTaken })
    this.#buffered += chunk.length
    this.#askPump()
    if (this.#buffered <= this.#network.tcp.highWaterMark) return true
    this.#needsDrain = true
    return false
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#askFlush()
  }

  destroy(): void {
    if (this.#state === "closed") return
    if (this.#inbox.length > 0) this.#sendReset()
    else if (this.#other !== undefined) {
      const other = this.#other
      this.#data?.send(HEADER_BYTES, () => other.#finish())
    }
    this.#close(undefined)
  }

  /** Tries to reach the other side, again whenever the network changes, until it answers or time is up. */
  open(local: Endpoint): void {
    this.#connectTimer = this.#network.clock.after(this.#network.tcp.connectTimeout, () =>
      this.fail(networkError("ETIMEDOUT", `no answer from ${this.remote.host}:${this.remote.port}`)),
    )
    let answered = false
    const attempt = () => {
      if (answered || this.#state !== "connecting") return
      this.#network.whenHealed(attempt)
      const far = this.#network.find(this.remote.host, this.#host)
      // A gateway drops what nobody inside has asked for.
      if (far === undefined || far.nat !== undefined || !this.#network.connected(this.#host, far)) return
      this.#network.carry(this.#host, far, HEADER_BYTES, () => {
        if (answered || this.#state !== "connecting" || !this.#network.connected(this.#host, far)) return
        answered = true
        this.#knock(far, local)
      })
    }
    attempt()
  }

  fail(error: Error): void {
    if (this.#state === "closed") return
    this.#data?.cut()
    this.#close(error)
  }

  #knock(far: VirtualHost, local: Endpoint): void {
    const owners = (far.tcpPorts.get(this.remote.port) ?? []) as VirtualPort[]
    const address = canonicalAddress(this.remote.host)
    const port = owners.find((owner) => owner.address === undefined || owner.address === address)
    const answer = this.#wire(far, this.#host, address)
    if (port === undefined) {
      const refused = networkError("ECONNREFUSED", `${this.remote.host}:${this.remote.port} takes no connections`)
      answer.send(HEADER_BYTES, () => this.fail(refused))
      return
    }
    const accepted = new VirtualStream(this.#network, { host: far, ownHost: address, remote: local }, silence)
    this.#wireTo(accepted, answer)
    accepted.#state = "open"
    answer.send(HEADER_BYTES, () => this.#opened())
    accepted.#listener = port.accept(accepted)
  }

  #wireTo(accepted: VirtualStream, answer: Wire): void {
    const [near, far, address] = [this.#host, accepted.#host, accepted.ownHost]
    this.#other = accepted
    const dead = () => this.fail(networkError("ETIMEDOUT", "the other side went away"))
    this.#data = this.#wire(near, far, address, dead)
    this.#acknowledgements = this.#wire(near, far, address)
    accepted.#other = this
    accepted.#data = answer
    accepted.#acknowledgements = this.#wire(far, near, address)
  }

  /** Leads nowhere while one of the ends, of which the far one is at `address`, does not have its address. */
  #wire(from: VirtualHost, to: VirtualHost, address: string, onDead = () => {}): Wire {
    const far = from === this.#host ? to : from
    const leadsThere = () => this.#host.has(this.ownHost) && far.has(address)
    return new Wire(this.#network, { from, to, leadsThere, onDead })
  }

  #opened(): void {
    if (this.#state !== "connecting") return
    this.#connectTimer?.cancel()
    this.#state = "open"
    this.#listener.onOpen()
    this.#askPump()
  }

  #close(error: Error | undefined): void {
    this.#state = "closed"
    this.#forget()
    this.#network.clock.after(0, () => {
      if (this.#host.onReset.delete(this.#reset)) this.#listener.onClose(error)
    })
  }

  #forget(): void {
    this.#connectTimer?.cancel()
    for (const { onTaken } of this.#queue.splice(0)) onTaken?.()
    this.#buffered = 0
    this.#inbox.length = 0
  }

  #askPump(): void {
    if (this.#pumpAsked || this.#state !== "open") return
    this.#pumpAsked = true
    this.#network.clock.after(0, () => {
      this.#pumpAsked = false
      this.#pump()
    })
  }

  #pump(): void {
    if (this.#state !== "open") return
    const { window, maxSegment } = this.#network.tcp
    while (this.#buffered > 0) {
      const room = window - this.#underWay
      // RFC 1122, 4.2.3.4: a segment made to fit what one acknowledgement freed would get smaller with each round trip.
      if (room < Math.min(maxSegment, window, this.#buffered)) break
      const wanted = randomSegment(this.#network.random, maxSegment)
      const segment = this.#take(Math.min(wanted, this.#buffered, room))
      this.#underWay += segment.length
      const other = this.#other!
      this.#data!.send(segment.length + HEADER_BYTES, () => other.#arrive(segment))
    }
    if (this.#buffered === 0 && this.#needsDrain) {
      this.#needsDrain = false
      this.#listener.onDrain()
    }
  }

  /** Copied now and not at `write`: who changes a chunk after giving it away sends the change. */
  #take(length: number): Uint8Array {
    const segment = new Uint8Array(length)
    let filled = 0
    while (filled < length) {
      const { chunk, onTaken } = this.#queue[0]!
      const part = chunk.subarray(this.#sent, this.#sent + length - filled)
      segment.set(part, filled)
      if (this.#network.tcp.scribbleWrites) part.fill(SCRIBBLE)
      filled += part.length
      this.#sent += part.length
      if (this.#sent === chunk.length) {
        this.#queue.shift()
        this.#sent = 0
        onTaken?.()
      }
    }
    this.#buffered -= length
    return segment
  }

  #arrive(segment: Uint8Array): void {
    if (this.#state === "closed") {
      this.#sendReset()
      return
    }
    this.#inbox.push(segment)
    this.#flush()
  }

  #askFlush(): void {
    if (this.#flushAsked) return
    this.#flushAsked = true
    this.#network.clock.after(0, () => {
      this.#flushAsked = false
      this.#flush()
    })
  }

  /** One segment an event; the end comes behind the last. */
  #flush(): void {
    if (this.#paused || this.#state !== "open") return
    const segment = this.#inbox.shift()
    if (segment !== undefined) {
      const length = segment.length
      const other = this.#other!
      this.#acknowledgements!.send(0, () => other.#acknowledged(length))
      if (this.#inbox.length > 0 || this.#finished) this.#askFlush()
      this.#listener.onData(segment)
      segment.fill(SCRIBBLE)
    } else if (this.#finished) {
      this.#close(undefined)
    }
  }

  #acknowledged(bytes: number): void {
    this.#underWay -= bytes
    this.#askPump()
  }

  #finish(): void {
    this.#finished = true
    this.#flush()
  }

  /** Straight to the other side, past all that is still under way. */
  #sendReset(): void {
    const other = this.#other
    if (other === undefined || other.#state === "closed") return
    const wire = this.#wire(this.#host, other.#host, other.ownHost)
    wire.send(HEADER_BYTES, () => other.fail(networkError("ECONNRESET", "the other side reset the connection")))
  }
}

/** Stands in until the owner of an accepted stream has answered with its listener; nothing is called before. */
const silence: StreamListener = { onOpen() {}, onData() {}, onDrain() {}, onClose() {} }

/** Mostly anything up to the longest; one in eight a few bytes, to cut headers apart. */
function randomSegment(random: { below(below: number): number }, longest: number): number {
  return 1 + random.below(random.below(8) === 0 ? Math.min(20, longest) : longest)
}

import type { MetadataPeer } from "../peer/metadata-peer.js"
import type { PeerSession } from "../peer/peer-session.js"
import type { ByteStream, Endpoint } from "../ports/net.js"
import { Asking } from "./asking.js"
import { Connector } from "./finding/connector.js"
import { ownAddresses } from "./finding/contact.js"
import { NodePort } from "./finding/node-port.js"
import { Choking } from "./giving/choking.js"
import { Interest } from "./interest.js"
import { PeerEvents, type PeerEventsOptions } from "./peer-events.js"
import type { PeerSource } from "./peer-source.js"
import type { RateLimit } from "./rate-limit.js"
import type { Roster } from "./roster.js"
import { Soon } from "./soon.js"
import { Throttle } from "./throttle.js"

export interface SwarmOptions extends PeerEventsOptions {
  readonly downloadLimit: RateLimit
}

/** The peers of one torrent: what is done with all of them. */
export class Swarm {
  readonly #options: SwarmOptions
  readonly #roster: Roster
  readonly #interest: Interest
  readonly #choking: Choking
  readonly #asking: Asking
  readonly #throttle: Throttle
  readonly #nodePort: NodePort | undefined
  readonly #connector: Connector
  readonly #refill = new Soon(() => this.fillAll())
  readonly #rechoke = new Soon(() => this.#chokeAnew())

  constructor(options: SwarmOptions) {
    this.#options = options
    this.#roster = options.roster
    const { roster, table, picker, have, uploadOnly, superSeeding, clock, totals, downloadLimit } = options
    this.#interest = new Interest({ table, fellows: picker.fellows, uploadOnly })
    this.#choking = new Choking({ have, superSeeding })
    this.#asking = new Asking(options)
    this.#throttle = new Throttle({
      clock,
      totals,
      limit: downloadLimit,
      peers: () => roster.connected(),
      onRelease: () => this.fillAll(),
    })
    this.#nodePort = options.dht && new NodePort(options.dht)
    const events = new PeerEvents(options, {
      interest: this.#interest,
      asking: this.#asking,
      throttle: this.#throttle,
      refill: () => this.#refill.ask(),
      rechoke: () => this.#rechoke.ask(),
    })
    this.#connector = new Connector(options, events)
  }

  /** Reads nothing until the download limit allows more. */
  get holding(): boolean {
    return this.#throttle.holding
  }

  /** Connects to due addresses of the book, as the budget allows. */
  connectMore(): void {
    this.#connector.connectMore()
  }

  /** See {@link Connector.punch}. */
  punch(endpoint: Endpoint): void {
    this.#connector.punch(endpoint)
  }

  /** Takes an accepted connection whose info hash is ours; `received` is what was read of the handshake. */
  accept(stream: ByteStream, received: Uint8Array): PeerSession | undefined {
    return this.#connector.accept(stream, received)
  }

  /** Takes over a connection that was used to fetch the metadata. The budget counts it already. */
  adopt(connection: MetadataPeer): void {
    this.#connector.adopt(connection)
  }

  /** Asks every peer that has room for more blocks. */
  fillAll(): void {
    if (this.#throttle.holding) return
    const now = this.#options.clock.now()
    for (const peer of this.#roster.connected()) this.#asking.fill(peer, now)
  }

  /** Other pieces are needed than before. */
  reconsider(): void {
    this.#options.book.reconsider()
    this.#sayUploadOnly()
    for (const peer of this.#roster.connected()) this.#interest.update(peer)
    this.fillAll()
    this.connectMore()
  }

  /** Whose connections come from these addresses of ours; those by uTP are not among them. */
  connectedFrom(hosts: ReadonlySet<string>): PeerSource[] {
    return [...this.#roster.everyone()].filter(
      ({ session: { ownHost } }) => ownHost !== undefined && hosts.has(ownHost),
    )
  }

  /**
   * We have other addresses, and `lost` no more. What was sent from those is not answered, and nobody tells us so: TCP goes on
   * trying for many minutes.
   */
  moved(lost: ReadonlySet<string>): void {
    for (const { session } of this.connectedFrom(lost)) session.close(new Error("our address is gone"))
    this.#options.book.moved(this.#options.clock.now())
    this.connectMore()
  }

  /** To be called every 250 ms. */
  tick(now: number): void {
    this.#closeUseless()
    for (const { session } of [...this.#roster.everyone()]) session.tick(now)
    this.#throttle.tick()
    this.#options.superSeeding?.tick(this.#gives())
    this.#sayUploadOnly()
    this.#interest.tick(this.#roster.connected(), now)
    this.#connector.tick(now)
    this.#nodePort?.tick(this.#roster.connected())
    this.#options.pex?.tick([...this.#roster.connected()], now)
    this.#options.holePunching?.tick(this.#roster.everyone(), now)
    this.#chokeAnew()
    this.#options.uploads.serveAll()
    this.fillAll()
    this.#refill.tick()
    this.#rechoke.tick()
    this.connectMore()
  }

  /** All that is wanted is there: nothing more to ask anybody. */
  finished(): void {
    for (const { session } of this.#roster.connected()) session.setInterested(false)
    this.#sayUploadOnly()
  }

  /** The block is here, from whomever: those who were asked for it too need not send it. */
  cancelCopies(block: number): void {
    this.#asking.cancelCopies(block)
  }

  /** Drops a source that sent wrong bytes. */
  convict(peer: PeerSource): void {
    for (const address of ownAddresses(peer)) this.#options.book.ban(address)
    peer.session.close(new Error("sent wrong bytes"))
  }

  /** Closes all connections. */
  close(): void {
    this.#throttle.close()
    this.#options.uploads.close()
    this.#connector.close()
  }

  /** Tells all when we begin or cease to want nothing (BEP 21). */
  #sayUploadOnly(): void {
    const { uploadOnly } = this.#options
    if (!uploadOnly.update()) return
    for (const { session } of this.#roster.connected()) session.sayUploadOnly(uploadOnly.value)
  }

  /**
   * Where neither wants anything of the other. With a tick, not at once: else the other side would not have heard what we
   * are, and come again.
   */
  #closeUseless(): void {
    for (const peer of [...this.#roster.connected()]) {
      if (this.#interest.useless(peer)) peer.session.close(new Error("neither side wants anything"))
    }
  }

  /** Somebody is waiting for what we give. */
  #gives(): boolean {
    if (this.#options.uploads.waiting) return true
    for (const { session } of this.#roster.connected()) if (session.sendBacklog > 0) return true
    return false
  }

  #chokeAnew(): void {
    const seeding = this.#options.table.remaining === 0
    this.#choking.rechoke([...this.#roster.connected()], { now: this.#options.clock.now(), seeding })
  }
}

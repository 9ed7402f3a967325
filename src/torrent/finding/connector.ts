import type { Bitfield } from "../../bytes/bitfield.js"
import { extensionsOf } from "../../peer/extension-ids.js"
import type { MetadataPeer } from "../../peer/metadata-peer.js"
import { connectEncrypted } from "../../peer/outgoing-encryption.js"
import type { PeerHost } from "../../peer/peer-host.js"
import { PeerSession } from "../../peer/peer-session.js"
import type { PeerSessionOptions } from "../../peer/peer-session-options.js"
import type { PieceTable } from "../../picker/piece-table.js"
import type { Clock } from "../../ports/clock.js"
import type { ByteStream, Endpoint, Net, UtpWish } from "../../ports/net.js"
import type { Slot } from "../../storage/slots.js"
import type { MseTools } from "../../wire/mse.js"
import { PexFlag } from "../../wire/pex-message.js"
import type { MetadataUploads } from "../giving/metadata-uploads.js"
import { PeerSource } from "../peer-source.js"
import type { Roster } from "../roster.js"
import { Admission } from "./admission.js"
import type { ConnectionBudget } from "./connection-budget.js"
import { leadsTo } from "./contact.js"
import type { DhtLink } from "./discovery.js"
import type { ExternalAddress } from "./external-address.js"
import type { HolePunching } from "./hole-punching.js"
import type { PeerBook, PriorityOf } from "./peer-book.js"
import type { PeerExchange } from "./peer-exchange.js"

/** Pieces that are told one by one to who was told before that we have none; with more it is better to begin anew. */
const MAX_HAVES = 1000

export interface ConnectorOptions {
  /** Where the peers are kept. */
  readonly roster: Roster
  readonly net: Net
  readonly clock: Clock
  readonly table: PieceTable<Slot>
  readonly book: PeerBook
  readonly priorityOf: PriorityOf
  readonly budget: ConnectionBudget
  /** Default: 80. */
  readonly maxPeers?: number | undefined
  readonly infoHash: Uint8Array
  /** The first 20 bytes of the v2 infohash, if there is one. */
  readonly infoHashV2: Uint8Array | undefined
  readonly peerId: Uint8Array
  readonly clientVersion: string
  /** Knows where we are reached, and hears what peers take for our address. */
  readonly external: ExternalAddress
  /** For connections that we open. `prefer`: for those that others open, too. */
  readonly encryption: { readonly tools: MseTools; readonly provide: number; readonly prefer: boolean }
  /** Undefined: the torrent has nothing to do with the DHT. */
  readonly dht?: DhtLink | undefined
  /** Undefined: the metadata is not given. */
  readonly metadataUploads: MetadataUploads | undefined
  /** Undefined: none. */
  readonly pex: PeerExchange | undefined
  /** Undefined: none. */
  readonly holePunching: HolePunching | undefined
  readonly nextSourceId: () => number
  /** Whether we go on giving when all is there. */
  readonly seeds: () => boolean
  /** Where our pieces are announced from. */
  readonly have: Bitfield
}

/** Opens, accepts and takes over connections to peers, as far as there are places for them. */
export class Connector {
  readonly #options: ConnectorOptions
  readonly #roster: Roster
  readonly #host: PeerHost<PeerSession>
  readonly #admission: Admission
  #closed = false

  /** What peers say goes to `host`. */
  constructor(options: ConnectorOptions, host: PeerHost<PeerSession>) {
    this.#options = options
    this.#roster = options.roster
    this.#host = host
    this.#admission = new Admission({ ...options, peers: () => this.#roster.everyone() })
  }

  /** Connects to due addresses of the book, as the budget allows. */
  connectMore(): void {
    if (!this.#wantsOthers) return
    const { clock, book, table } = this.#options
    const now = clock.now()
    const giving = table.remaining === 0
    const wish = { giving, alone: !giving && this.#roster.connectedCount === 0 }
    const due = (): boolean => book.hasDue(now, wish)
    if (!giving) this.#admission.turnOver(now, due)
    while (this.#admission.mayConnect(now, due)) {
      const endpoint = book.next(now, wish)
      if (endpoint === undefined) {
        this.#admission.pass()
        return
      }
      // Where uTP is known to work, TCP may not.
      this.#open(endpoint, now, (book.flags(endpoint) & PexFlag.utp) === 0 ? undefined : "soon")
    }
  }

  /** Connects by uTP alone: whoever is there does the same (BEP 55). Not to somebody who is connected, or about to be. */
  punch(endpoint: Endpoint): void {
    const { clock, book } = this.#options
    const now = clock.now()
    if (!this.#wantsOthers || book.isBanned(endpoint) || !this.#admission.mayConnectAtOnce(now)) return
    for (const peer of this.#roster.everyone()) if ((peer.ready || peer.punched) && leadsTo(endpoint, peer)) return
    book.add(endpoint, "pex", now)
    // Where another way to it is being tried, the address is that one's.
    this.#open(endpoint, now, "alone", book.claim(endpoint))
  }

  /** Takes an accepted connection whose info hash is ours; `received` is what was read of the handshake. */
  accept(stream: ByteStream, received: Uint8Array): PeerSession | undefined {
    if (this.#closed || this.#options.book.isBanned(stream.remote)) return undefined
    if (!this.#admission.mayAccept(stream.remote, this.#options.clock.now())) return undefined
    this.#options.budget.accepted()
    const { session } = this.#add("incoming", { received })
    session.attach(stream)
    return session
  }

  /** Takes over a connection that was used to fetch the metadata. The budget counts it already. */
  adopt(connection: MetadataPeer): void {
    connection.handOver((stream, received, adopted) => {
      const unwanted =
        this.#closed || this.#options.have.count > MAX_HAVES || this.#options.book.isBanned(stream.remote)
      const peer =
        unwanted || !this.#admission.hasRoom ? undefined : this.#add(connection.direction, { received, adopted })
      if (peer === undefined) {
        this.#options.budget.closed()
        return undefined
      }
      if (this.#options.book.claim(stream.remote)) peer.addresses.push(stream.remote)
      peer.session.attach(stream)
      return peer.session
    })
  }

  /** Ends what is of no use. To be called every 250 ms. */
  tick(now: number): void {
    this.#admission.tick(now)
  }

  /** Nobody gets in any more; closes all connections. */
  close(): void {
    this.#closed = true
    this.#admission.close()
    for (const { session } of [...this.#roster.everyone()]) session.close()
  }

  #open(endpoint: Endpoint, now: number, utp: UtpWish | undefined, owns = true): void {
    this.#admission.opened(now)
    const { book, infoHash, infoHashV2 } = this.#options
    const opensWith = infoHashV2 !== undefined && book.beginsWithV2(endpoint) ? infoHashV2 : infoHash
    const peer = this.#add("outgoing", { opensWith })
    if (owns) peer.addresses.push(endpoint)
    peer.punched = utp === "alone"
    peer.session.attach(this.#connect(endpoint, peer.session, { skey: opensWith, utp }))
  }

  /** With all there, only who goes on giving looks for others. */
  get #wantsOthers(): boolean {
    return !this.#closed && (this.#options.table.remaining > 0 || this.#options.seeds())
  }

  #add(
    direction: "outgoing" | "incoming",
    own: Pick<PeerSessionOptions<PeerSession>, "received" | "adopted" | "opensWith"> = {},
  ): PeerSource {
    const { clock, table, metadataUploads: metadata, pex, holePunching, encryption } = this.#options
    const session = new PeerSession({
      host: this.#host,
      clock,
      layout: table.layout,
      infoHash: this.#options.infoHash,
      infoHashV2: this.#options.infoHashV2,
      peerId: this.#options.peerId,
      clientVersion: this.#options.clientVersion,
      direction,
      dht: this.#options.dht !== undefined,
      portFor: (host) => this.#options.external.portSeenFrom(host),
      extensions: extensionsOf({
        metadata: metadata !== undefined,
        pex: pex !== undefined,
        holepunch: holePunching !== undefined,
      }),
      ...(encryption.prefer && { prefersEncryption: true }),
      metadataSize: metadata?.size,
      ...own,
    })
    const peer = new PeerSource(this.#options.nextSourceId(), session, clock.now())
    this.#roster.add(peer)
    return peer
  }

  #connect(
    endpoint: Endpoint,
    session: PeerSession,
    { skey, utp }: { skey: Uint8Array; utp: UtpWish | undefined },
  ): ByteStream {
    const { net, book, encryption } = this.#options
    if (!book.encrypts(endpoint)) return net.connect(endpoint, session, utp)
    const { tools, provide } = encryption
    return connectEncrypted(net, endpoint, session, { tools, skey, provide, utp })
  }
}

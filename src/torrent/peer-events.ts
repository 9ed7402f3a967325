import { Bitfield } from "../bytes/bitfield.js"
import type { HashRequest } from "../metainfo/hash-request.js"
import { HOLEPUNCH_ID, METADATA_ID, PEX_ID } from "../peer/extension-ids.js"
import type { PeerHost } from "../peer/peer-host.js"
import type { PeerSession } from "../peer/peer-session.js"
import type { Picker } from "../picker/picker.js"
import type { Hasher } from "../ports/hasher.js"
import type { Log } from "../ports/log.js"
import type { Slot } from "../storage/slots.js"
import type { ExtensionHandshake } from "../wire/extension.js"
import type { Asking } from "./asking.js"
import type { ConnectorOptions } from "./finding/connector.js"
import { Twins } from "./finding/twins.js"
import { allowFastPieces } from "./giving/allowed-fast.js"
import type { HashAnswers } from "./giving/hash-answers.js"
import type { SuperSeeding } from "./giving/super-seeding.js"
import type { Uploads } from "./giving/uploads.js"
import type { Interest } from "./interest.js"
import type { Intake } from "./receiving/intake.js"
import type { Roster } from "./roster.js"
import type { Throttle } from "./throttle.js"
import type { Totals } from "./totals.js"
import type { UploadOnly } from "./upload-only.js"

/** Beside what connections are made with. */
export interface PeerEventsOptions extends ConnectorOptions {
  readonly hasher: Pick<Hasher, "digest">
  readonly log: Log
  readonly picker: Picker<Slot>
  readonly intake: Intake
  readonly uploads: Uploads
  readonly totals: Totals
  /** For a torrent with hash trees (BEP 52). */
  readonly hashAnswers: HashAnswers | undefined
  readonly onHashes: (request: HashRequest, hashes: Uint8Array | undefined) => void
  readonly uploadOnly: UploadOnly
  /** Undefined: everybody is told at once what we have. */
  readonly superSeeding: SuperSeeding | undefined
}

/** The parts of the swarm that hear of what peers say. */
interface Hearers {
  readonly interest: Interest
  readonly asking: Asking
  readonly throttle: Throttle
  /** There may be more to ask somebody for. */
  refill(): void
  /** Somebody else may be due for an unchoke. */
  rechoke(): void
}

/** Leads what peers say to those whom it concerns. */
export class PeerEvents implements PeerHost<PeerSession> {
  readonly #options: PeerEventsOptions
  readonly #hearers: Hearers
  readonly #roster: Roster
  readonly #twins: Twins

  constructor(options: PeerEventsOptions, hearers: Hearers) {
    this.#options = options
    this.#hearers = hearers
    this.#roster = options.roster
    this.#twins = new Twins(options)
  }

  onReady(session: PeerSession): void {
    const peer = this.#roster.of(session)
    if (!this.#twins.mayStay(peer)) return
    peer.ready = true
    const { book, log, infoHash, hasher, table, have, uploadOnly, superSeeding } = this.#options
    if (session.direction === "outgoing") {
      book.answered(session.remote)
      if (this.#roster.connectedCount === 1) book.forgive()
    }
    const how = `connected${session.encrypted ? ", encrypted" : ""}${session.utp ? ", by uTP" : ""}`
    log.log("debug", "peer", `${name(session)}: ${how}, ${session.clientName}`)
    const disguised = superSeeding?.active === true
    if (disguised) superSeeding.add(peer)
    session.announcePieces(disguised ? new Bitfield(have.length) : have, uploadOnly.value)
    if (!disguised) allowFastPieces(session, { infoHash, hasher, layout: table.layout, have })
  }

  onClosed(session: PeerSession, reason: Error | undefined): void {
    const peer = this.#roster.of(session)
    this.#roster.remove(peer)
    const { clock, budget, book, intake, uploads, holePunching, picker, log } = this.#options
    const { interest } = this.#hearers
    const now = clock.now()
    budget.closed()
    const outcome = interest.outcome(peer)
    for (const address of peer.addresses) book.ended(address, outcome, now)
    if (session.writer.block !== undefined) intake.abandonBlock(session.writer.block, session.writer)
    interest.forget(peer, session.pieces)
    this.#options.superSeeding?.forget(peer)
    uploads.forget(session.uploader)
    // Without a reason it is we who end it.
    if (outcome === "failed" && reason !== undefined) holePunching?.failed(peer, now)
    picker.forget(peer.id)
    log.log("debug", "peer", `${name(session)}: closed, ${reason?.message ?? "by the other side"}`)
    this.#hearers.rechoke()
    // What it was asked for is free for the others.
    this.#hearers.refill()
  }

  onPieces(session: PeerSession, previous: Bitfield | undefined): void {
    const { interest } = this.#hearers
    const peer = this.#roster.of(session)
    interest.pieces(peer, previous)
    this.#options.superSeeding?.pieces(peer, previous)
    interest.update(peer)
  }

  onHave(session: PeerSession, piece: number): void {
    const { interest, asking } = this.#hearers
    const peer = this.#roster.of(session)
    this.#options.superSeeding?.have(peer, piece)
    if (interest.have(peer, piece)) {
      asking.turnFromSeed(peer, piece, this.#options.clock.now())
      this.#hearers.refill()
    }
  }

  onDontHave(session: PeerSession, piece: number): void {
    const peer = this.#roster.of(session)
    this.#hearers.interest.dontHave(peer, piece)
    this.#options.superSeeding?.dontHave(peer, piece)
    this.#options.picker.forget(peer.id)
    // Who has a piece is not told that we have it, too. When super-seeding, it was shown the piece or is not to see it.
    if (this.#options.have.has(piece) && this.#options.superSeeding?.active !== true) session.sendHave(piece)
    this.#hearers.refill()
  }

  onChoked(): void {
    this.#hearers.refill()
  }

  onInterestChanged(): void {
    this.#hearers.rechoke()
  }

  onRequest(session: PeerSession, piece: number, begin: number, length: number): void {
    const peer = this.#roster.of(session)
    const { clock, have, uploads, superSeeding } = this.#options
    peer.requested(clock.now())
    const mayHave = superSeeding?.active !== true || superSeeding.asks(peer, piece, begin, length)
    if (mayHave && have.has(piece)) uploads.asked(session.uploader, piece, begin)
    else session.uploader.reject(piece, begin, length)
  }

  onBlockBegin(session: PeerSession, block: number): Uint8Array | null {
    return this.#options.intake.beginBlock(block, session.writer)
  }

  onBlockEnd(session: PeerSession, block: number): void {
    const peer = this.#roster.of(session)
    const { table, intake, totals, clock } = this.#options
    const length = table.layout.blockLength(block)
    intake.unask(block)
    this.#hearers.throttle.took(length, session)
    const kept = intake.endBlock(block, session.writer, peer.id)
    totals.fromPeer(length, kept, clock.now())
  }

  onUnasked(session: PeerSession, length: number): void {
    this.#hearers.throttle.took(length, session)
    this.#options.totals.unasked(length)
  }

  onDropped(_session: PeerSession, block: number): void {
    this.#options.intake.unask(block)
  }

  onRoom(session: PeerSession): void {
    const { throttle, asking } = this.#hearers
    const peer = this.#roster.of(session)
    if (peer.ready && !throttle.holding) asking.fill(peer, this.#options.clock.now())
  }

  onExtended(session: PeerSession, { yourAddress }: ExtensionHandshake): void {
    const peer = this.#roster.of(session)
    const { external, book, clock } = this.#options
    if (yourAddress !== undefined) external.vote(session.remote.host, yourAddress)
    if (peer.addresses.length === 0 && session.listenPort !== undefined) {
      const address = { host: session.remote.host, port: session.listenPort }
      // Known from here on: named by another peer later, it would be connected to a second time.
      book.add(address, "incoming", clock.now())
      if (book.claim(address)) peer.addresses.push(address)
    }
  }

  onExtensionMessage(session: PeerSession, id: number, payload: Uint8Array): void {
    const now = this.#options.clock.now()
    const peer = this.#roster.of(session)
    if (id === METADATA_ID) this.#options.metadataUploads?.onMessage(session, payload, now)
    else if (id === PEX_ID) this.#options.pex?.onMessage(peer, payload, now)
    else if (id === HOLEPUNCH_ID) this.#options.holePunching?.onMessage(peer, payload, now)
  }

  onHashRequest(session: PeerSession, request: HashRequest): void {
    if (this.#options.hashAnswers === undefined) session.sendHashes(request, undefined)
    else this.#options.hashAnswers.answer(session, request)
  }

  onHashes(_session: PeerSession, request: HashRequest, hashes: Uint8Array | undefined): void {
    this.#options.onHashes(request, hashes)
  }

  onPort({ remote }: PeerSession, port: number): void {
    this.#options.dht?.nodeAt({ host: remote.host, port })
  }

  onSendRoom(session: PeerSession): void {
    this.#options.uploads.serve(session.uploader)
  }
}

function name(session: PeerSession): string {
  return `${session.remote.host}:${session.remote.port}`
}

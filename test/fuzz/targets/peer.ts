import { ProtocolError } from "../../../src/errors.js"
import { METADATA_EXTENSIONS } from "../../../src/peer/extension-ids.js"
import { MetadataPeer } from "../../../src/peer/metadata-peer.js"
import { PeerSession } from "../../../src/peer/peer-session.js"
import { encodeExtensionHandshake } from "../../../src/wire/extension.js"
import { encodeHandshake } from "../../../src/wire/handshake.js"
import { encodeMetadataData, encodeMetadataRequest } from "../../../src/wire/metadata-message.js"
import { infoHash, layout, ManualClock, MemoryStream, ourId, RecordingHost, theirId } from "../../unit/peer/harness.js"
import { Output } from "../../unit/wire/calls.js"
import { Choices } from "../lib/choices.js"
import { must } from "../lib/expect.js"
import type { Target } from "../lib/target.js"

/** Requests that are taken of one peer, whatever it was told to keep to. */
const REQUEST_QUEUE = 1000
const BLOCKS = layout.pieceCount * layout.blocksPerPiece
/** Requests in a row are mostly of one kind: one step may send many. */
const REPEATS = [1, 1, 1, 3, 200]

const handshakeOf = (offers: number): Uint8Array => {
  const handshake = encodeHandshake(infoHash, theirId, { v2: (offers & 1) !== 0, dht: (offers & 2) !== 0 })
  if ((offers & 4) !== 0) handshake[27]! &= ~0x04
  return handshake
}

/** A peer that says anything at any time: every request of ours ends once, and none of its own leads astray. */
export const peerSession: Target = {
  name: "peer-session",
  seeds: () => [
    Uint8Array.of(1, ...steps([1, 0, 15, 0, 16, 1, 16, 2, 10, 0, 10, 0])),
    Uint8Array.of(0, ...steps([5, 31, 1, 0, 16, 0, 10, 0, 0, 0, 17, 0, 18, 9])),
    Uint8Array.of(0, 18, 0, ...[0, 1, 2, 3, 0, 1].flatMap((block, i) => [6, i >> 2, 0, block, 0, 4])),
    Uint8Array.of(4, ...steps([18, 0, 2, 0, 6, 1, 6, 2, 8, 1, 20, 0, 19, 0, 6, 3])),
  ],
  check(input) {
    const choices = new Choices(input)
    const clock = new ManualClock()
    const stream = new MemoryStream()
    const host = new StrictHost()
    const session = new PeerSession({
      ...{ host, clock, layout, infoHash, peerId: ourId, direction: "outgoing", clientVersion: "x" },
      extensions: METADATA_EXTENSIONS,
    })
    session.attach(stream)
    session.onOpen()
    session.onData(handshakeOf(choices.byte()))
    while (choices.left > 0 && !host.closed) {
      const step = choices.byte() % 24
      const said = say(step, choices, session)
      if (said !== undefined) session.onData(said)
      else act(step, choices, session, host)
      if (step === 22) for (let passed = choices.byte(); passed >= 0; passed--) pass(clock, session)
      must(session.uploader.waiting <= REQUEST_QUEUE, `${session.uploader.waiting} requests of its own wait`)
      must(session.requester.outstanding === host.requested.size, "the books of what was asked for differ")
    }
    session.close()
    must(host.requested.size === 0, "a request did not end")
  },
  runs: 2000,
}

function pass(clock: ManualClock, session: PeerSession): void {
  clock.advance(250)
  session.tick(clock.now())
}

/** Messages of the other side; undefined for a step that is ours. */
function say(step: number, choices: Choices, session: PeerSession): Uint8Array | undefined {
  const output = new Output()
  const { encoder } = output
  const piece = choices.byte() % (layout.pieceCount + 1)
  const begin = choices.byte() % 8 === 7 ? choices.uint32() : (choices.byte() % 5) * 16_384
  const length = choices.byte() % 8 === 7 ? choices.uint32() % 200_000 : 16_384
  // Blocks are long, and sent once.
  for (let left = step === 7 ? 1 : choices.pick(REPEATS); left > 0; left--) {
    if (step <= 3) encoder[(["choke", "unchoke", "interested", "notInterested"] as const)[step]!]()
    else if (step === 4) encoder.have(piece)
    else if (step === 5) encoder.bitfield(Uint8Array.of(choices.byte()))
    // Each for another place, else they would count as one.
    else if (step === 6) encoder.request(piece, begin + left - 1, left > 1 ? 16 : length)
    else if (step === 7) output.block(piece, begin, new Uint8Array(Math.min(length, 140_000)))
    else if (step === 8) encoder.cancel(piece, begin, length)
    else if (step === 9) encoder.port(choices.byte())
    else if (step === 10) answer(output, choices, session)
    else if (step === 11) encoder.rejectRequest(piece, begin, length)
    else if (step === 12) encoder.allowedFast(piece)
    else if (step === 13) encoder.haveAll()
    else if (step === 14) encoder.haveNone()
    else if (step === 15) encoder.extended(choices.byte() % 5, choices.take(choices.byte()))
    else return step === 21 ? choices.take(choices.byte()) : undefined
  }
  return output.bytes()
}

/** The block that waits longest, whole or with another length. */
function answer(output: Output, choices: Choices, session: PeerSession): void {
  for (let block = 0; block < BLOCKS; block++) {
    if (!session.requester.isOutstanding(block)) continue
    const length = layout.blockLength(block) - (choices.byte() % 16 === 15 ? 1 : 0)
    output.block(layout.pieceOfBlock(block), layout.indexOfBlock(block) * 16_384, new Uint8Array(length))
    return
  }
}

/** What our own side does. */
function act(step: number, choices: Choices, session: PeerSession, host: StrictHost): void {
  const block = choices.byte() % (4 * 4 + 1)
  if (step === 16 && !session.requester.isOutstanding(block) && session.requester.room > 0) host.asks(session, block)
  else if (step === 17) session.requester.cancel(block)
  else if (step === 18) session.uploader.unchoke()
  else if (step === 19) session.uploader.choke()
  else if (step === 20) refuseAll(session)
  else if (step === 23) session.holdReading(choices.byte() % 2 === 1)
}

function refuseAll(session: PeerSession): void {
  for (let left = session.uploader.waiting; left > 0; left--) {
    const { piece, begin, length } = session.uploader.waitingAt(0)!
    session.uploader.reject(piece, begin, length)
    must(session.uploader.waiting === left - 1, "a request is refused and waits")
  }
}

/** Holds the session to what it promises its host. */
class StrictHost extends RecordingHost {
  readonly requested = new Set<number>()
  closed = false

  asks(session: PeerSession, block: number): void {
    session.requester.request(block)
    if (session.requester.isOutstanding(block)) this.requested.add(block)
  }

  override onRequest(peer: PeerSession, piece: number, begin: number, length: number): void {
    must(
      !this.closed && layout.checkRange(piece, begin, length) && length <= 128 * 1024,
      "it asks for what is not there",
    )
    must(!peer.amChoking, "it is heard though it is choked")
    const latest = peer.uploader.waitingAt(peer.uploader.waiting - 1)
    must(latest?.piece === piece && latest.begin === begin && latest.length === length, "it does not wait")
  }

  override onBlockBegin(_peer: PeerSession, block: number): Uint8Array | null {
    must(this.requested.has(block), "a block comes that was not asked for")
    return new Uint8Array(layout.blockLength(block))
  }

  override onBlockEnd(_peer: PeerSession, block: number): void {
    must(this.requested.delete(block), "a block ends twice")
  }

  override onDropped(_peer: PeerSession, block: number): void {
    must(this.requested.delete(block), "a block is dropped twice")
  }

  override onClosed(_peer: PeerSession, reason: Error | undefined): void {
    must(!this.closed, "it is over twice")
    must(reason === undefined || reason instanceof ProtocolError, `it ends in ${reason}`)
    this.closed = true
  }
}

/** Each step with the choices that a message needs. */
function steps(pairs: readonly number[]): number[] {
  return pairs.flatMap((step, i) => (i % 2 === 0 ? [step, pairs[i + 1]!, 0, 0, 0, 0, 0, 0] : []))
}

/** A peer of which only the metadata is wanted: it is closed, or what it said means the same to whoever takes over. */
export const metadataPeer: Target = {
  name: "metadata-peer",
  seeds: () => [streamOf(Uint8Array.of(0xf8)), streamOf(new Uint8Array(0))],
  words: [
    ...[1, 5, 13].map((length) => Uint8Array.of(0, 0, 0, length)),
    ...Array.from({ length: 24 }, (_, id) => Uint8Array.of(0, 0, 0, 1, id)),
  ],
  check(input) {
    const choices = new Choices(input)
    const clock = new ManualClock()
    let closed = 0
    const peer = new MetadataPeer({
      ...{ clock, infoHash, peerId: ourId, direction: "outgoing", clientVersion: "x", dht: true },
      host: {
        onReady: () => {},
        onPort: (_, port) => must(port > 0 && port <= 65_535, `a node at port ${port}`),
        onSize: (_, size) => must(size > 0 && size <= 32 << 20, `metadata of ${size} bytes`),
        onMessage: (_, message) => must(message.piece >= 0, "there is no such piece"),
        onHashes: () => must(false, "nothing was asked"),
        onOurAddress: (_, address) => must(address.length === 4 || address.length === 16, "no address"),
        onClosed: (_, reason) => {
          closed++
          must(reason === undefined || reason instanceof Error, `it ends in ${reason}`)
        },
      },
    })
    peer.attach(new MemoryStream())
    peer.onOpen()
    peer.onData(handshakeOf(choices.byte()))
    while (choices.left > 0 && closed === 0) peer.onData(choices.take(1 + choices.byte()))
    if (closed === 0) {
      peer.handOver((stream, said, adopted) => {
        const host = new StrictHost()
        const session = new PeerSession({
          ...{ host, clock, layout, infoHash, peerId: ourId, direction: "outgoing", clientVersion: "x" },
          ...{ adopted, received: said },
        })
        session.attach(stream)
        return session
      })
    }
    must(closed <= 1, "it is over twice")
  },
}

function streamOf(bitfield: Uint8Array): Uint8Array {
  const output = new Output()
  const { encoder } = output
  const messages = new Map([["ut_metadata", 2]])
  encoder.extended(0, encodeExtensionHandshake({ messages, metadataSize: 20_000 }))
  if (bitfield.length > 0) encoder.bitfield(bitfield)
  encoder.unchoke()
  encoder.have(2)
  encoder.interested()
  encoder.extended(3, encodeMetadataData(new Uint8Array(20_000), 1).slice(0, 100))
  encoder.extended(3, encodeMetadataRequest(0))
  const bytes = output.bytes()
  const parts: number[] = [0]
  for (let at = 0; at < bytes.length; at += 200) {
    const part = bytes.subarray(at, at + 200)
    parts.push(part.length - 1, ...part)
  }
  return Uint8Array.from(parts)
}

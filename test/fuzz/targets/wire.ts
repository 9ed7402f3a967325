import { ProtocolError } from "../../../src/errors.js"
import { WireDecoder } from "../../../src/wire/decoder.js"
import { longestMessage } from "../../../src/wire/message.js"
import { type Call, Output, RecordingSink } from "../../unit/wire/calls.js"
import { Choices } from "../lib/choices.js"
import { inParts, readSizes } from "../lib/cuts.js"
import { must, mustEqual, sameBytes } from "../lib/expect.js"
import type { Target } from "../lib/target.js"

const PIECES = 77
/** What comes before the stream in an input: whether the pieces are known, and how the stream is cut. */
const HEAD = 6
const HEADER = 17

/** However a stream of messages is cut, it says the same or ends in the same fault, and little of it is kept. */
export const wire: Target = {
  name: "wire",
  seeds: () => [seed(0), seed(1)],
  words: [
    ...Array.from({ length: 24 }, (_, id) => Uint8Array.of(0, 0, 0, 1, id)),
    ...[5, 13, 49].map((length) => Uint8Array.of(0, 0, 0, length)),
    Uint8Array.of(0, 2, 0, 9, 7),
    Uint8Array.of(0, 16, 0, 1, 20),
    Uint8Array.of(0, 4, 0, 1, 5),
  ],
  check(input) {
    const choices = new Choices(input.subarray(0, HEAD))
    const pieceCount = choices.below(2) === 0 ? PIECES : undefined
    const sizes = readSizes(choices)
    const stream = input.slice(HEAD)
    const whole = decoded(stream, pieceCount, [Math.max(1, stream.length)])
    mustEqual(decoded(stream, pieceCount, sizes), whole, "cut otherwise it says something else")
    const again = encoded(whole.calls)
    // Unknown messages and keep-alives leave no trace: only where there are none are the bytes the same.
    if (again.length === whole.consumed)
      must(sameBytes(again, stream.subarray(0, again.length)), "encoded anew it differs")
  },
}

interface Outcome {
  readonly calls: readonly Call[]
  readonly fault: string | undefined
  /** Bytes before the fault, or all. */
  readonly consumed: number
}

function decoded(stream: Uint8Array, pieceCount: number | undefined, sizes: readonly number[]): Outcome {
  const sink = new RecordingSink()
  const decoder = new WireDecoder(sink, pieceCount)
  const most = longestMessage(pieceCount === undefined ? undefined : Math.ceil(pieceCount / 8)) + HEADER
  let come = 0
  try {
    inParts(stream, sizes, (part) => {
      come += part.length
      decoder.push(part)
      must(decoder.buffered <= Math.min(most, 2 * come + 4096), `it keeps ${decoder.buffered} bytes of ${come}`)
      return true
    })
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return { calls: sink.calls, fault: error.message, consumed: -1 }
  }
  return { calls: sink.calls, fault: undefined, consumed: decoder.betweenMessages ? come : -1 }
}

/** The messages that an encoder writes; others are left out. */
function encoded(calls: readonly Call[]): Uint8Array {
  const output = new Output()
  const { encoder } = output
  const bytes = (hex: string | number | undefined): Uint8Array => new Uint8Array(Buffer.from(String(hex), "hex"))
  for (const [name, ...values] of calls) {
    const [a = 0, b = 0, c = 0] = values.map(Number)
    switch (name) {
      case "choke":
      case "unchoke":
      case "interested":
      case "notInterested":
      case "haveAll":
      case "haveNone":
        encoder[name]()
        break
      case "have":
      case "allowedFast":
      case "port":
        encoder[name](a)
        break
      case "request":
      case "cancel":
        encoder[name](a, b, c)
        break
      case "reject":
        encoder.rejectRequest(a, b, c)
        break
      case "bitfield":
        encoder.bitfield(bytes(values[0]))
        break
      case "extended":
        encoder.extended(a, bytes(values[1]))
        break
      case "piece":
        output.block(a, b, bytes(values[2]))
        break
    }
  }
  return output.bytes()
}

function seed(knows: number): Uint8Array {
  const output = new Output()
  const { encoder } = output
  const request = { root: new Uint8Array(32).fill(7), base: 0, index: 8, length: 4, proofLayers: 2 }
  encoder.bitfield(new Uint8Array(Math.ceil(PIECES / 8)))
  encoder.unchoke()
  encoder.interested()
  encoder.have(3)
  encoder.request(1, 16_384, 16_384)
  encoder.cancel(1, 16_384, 16_384)
  encoder.port(6881)
  encoder.extended(0, new TextEncoder().encode("d1:md6:ut_pexi1eee"))
  output.block(1, 0, Uint8Array.of(1, 2, 3))
  encoder.keepAlive()
  encoder.haveAll()
  encoder.allowedFast(2)
  encoder.rejectRequest(1, 0, 16_384)
  encoder.hashRequest(request)
  encoder.hashes(request, new Uint8Array(6 * 32))
  encoder.hashReject(request)
  return Uint8Array.of(knows, 2, 0, 6, 30, 0, ...output.bytes())
}

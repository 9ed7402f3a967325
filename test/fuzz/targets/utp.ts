import type { ByteStream, StreamListener } from "../../../src/ports/net.js"
import { encodeBare, UTP_HEADER, UTP_TYPE, UtpPacket } from "../../../src/utp/packet.js"
import { UtpSocket } from "../../../src/utp/socket.js"
import { seededRandom } from "../../support/seeded-random.js"
import { ManualClock } from "../../unit/peer/harness.js"
import { Choices } from "../lib/choices.js"
import { must, mustEqual, sameBytes } from "../lib/expect.js"
import type { Target } from "../lib/target.js"

const TYPES = Object.values(UTP_TYPE)
const fields = { timestamp: 1, timestampDifference: 2, window: 100_000, ack: 3 }

/** BEP 29: a datagram is no packet, or one whose parts lie inside it. */
export const utpPacket: Target = {
  name: "utp-packet",
  seeds: () => [
    ...TYPES.map((type) => encodeBare({ type, connectionId: 7, sequence: 9 }, fields, new Uint8Array(0))),
    encodeBare({ type: UTP_TYPE.state, connectionId: 7, sequence: 9 }, fields, Uint8Array.of(1, 0, 0, 128)),
  ],
  words: [Uint8Array.of(1, 4, 1, 2, 3, 4), Uint8Array.of(2, 8), Uint8Array.of(0, 0)],
  check(input) {
    const packet = new UtpPacket()
    if (!packet.read(input)) return
    must(packet.payloadAt >= UTP_HEADER && packet.payloadLength >= 0, "the payload lies outside")
    must(packet.sackLength === 0 || packet.sackAt + packet.sackLength <= packet.payloadAt, "the ack lies outside")
    for (let bit = 0; bit < packet.sackLength * 8; bit++) packet.sacked(bit)
    const sack = input.slice(packet.sackAt, packet.sackAt + packet.sackLength)
    const again = encodeBare(packet, packet, sack)
    // Only what has no payload and no unknown extensions is encoded whole.
    if (again.length === input.length && packet.payloadLength === 0 && input[UTP_HEADER] !== 1)
      must(sameBytes(again, input) || (input[1] ?? 0) > 1, "encoded anew it differs")
    const read = new UtpPacket()
    must(read.read(again), "what is written is not read")
    const { type, connectionId, sequence, timestamp, timestampDifference, window, ack } = read
    mustEqual(
      [type, connectionId, sequence, timestamp, timestampDifference, window, ack, read.sackLength],
      [
        packet.type,
        packet.connectionId,
        packet.sequence,
        packet.timestamp,
        packet.timestampDifference,
        packet.window,
      ].concat(packet.ack, packet.sackLength),
      "written anew it says something else",
    )
  },
}

/** Bytes that may go out for one that came before the other side has proved its address. */
const AMPLIFICATION = 1.5

/**
 * A port at which anything arrives: some of it fits what we said before. It goes on, says no more to strangers than they
 * said, and gives to whoever listens what was sent, in order, once.
 */
export const utpSocket: Target = {
  name: "utp-socket",
  seeds: () => [
    conversation([4, 0, 0, 2, 1]),
    conversation([4, 2, 0, 0, 0, 1, 3]),
    conversation([5, 2, 0, 2, 0, 6, 1]),
  ],
  check(input) {
    const clock = new ManualClock()
    let sent = 0
    let received = 0
    let open = false
    let last: UtpPacket | undefined
    const socket = new UtpSocket({
      clock,
      random: seededRandom(3),
      send: (datagram) => {
        sent += datagram.length
        const packet = new UtpPacket()
        must(packet.read(datagram.slice()), "it sends what is no packet")
        last = packet
      },
    })
    socket.listen((stream) => {
      open = true
      return new Listener(() => stream)
    })
    const choices = new Choices(input)
    while (choices.left > 0) {
      const step = choices.byte()
      const from = { host: `192.0.2.${1 + choices.below(2)}`, port: 6881 }
      if (step === 6) clock.advance(choices.byte() * 100)
      else if (step === 5) {
        open = true
        let stream: ByteStream | undefined
        stream = socket.connect(from, new Listener(() => stream))
      } else {
        const datagram = datagramOf(step, choices, last)
        received += datagram.length
        socket.receive(datagram, from)
        clock.advance(choices.byte())
        must(open || sent <= AMPLIFICATION * received, `${received} bytes of a stranger made it send ${sent}`)
      }
    }
    must(socket.connectionCount <= 512, "it has too many connections")
    socket.close()
    clock.advance(60_000)
    must(socket.connectionCount === 0 && clock.timers === 0, "something is left behind")
  },
  runs: 2000,
}

/** Packets carry their own numbers: they must come in order, each once. Some numbers mean something. */
class Listener implements StreamListener {
  readonly #stream: () => ByteStream | undefined
  #expected: number | undefined
  #closed = false

  constructor(stream: () => ByteStream | undefined) {
    this.#stream = stream
  }

  onOpen(): void {
    this.#stream()?.write(new Uint8Array(100))
  }

  onData(chunk: Uint8Array): void {
    must(!this.#closed, "bytes come behind the end")
    must(chunk.length === 2, "it gives other bytes than were sent")
    const number = (chunk[0]! << 8) | chunk[1]!
    must(number === (this.#expected ?? number), `packet ${number} comes where ${this.#expected} should`)
    this.#expected = (number + 1) & 0xffff
    const stream = this.#stream()
    if (number % 8 === 1) stream?.write(new Uint8Array(3000))
    if (number % 32 === 2) stream?.pause()
    if (number % 32 === 3) stream?.resume()
    if (number % 64 === 4) stream?.destroy()
  }

  onDrain(): void {}

  onClose(): void {
    must(!this.#closed, "it is closed twice")
    this.#closed = true
  }
}

/** A packet that fits the last one we sent, as far as the input does not say otherwise. */
function datagramOf(step: number, choices: Choices, last: UtpPacket | undefined): Uint8Array {
  const type = TYPES[step % TYPES.length] ?? UTP_TYPE.data
  const [idShift, sequenceShift, ackShift] = [choices.byte(), choices.byte(), choices.byte()]
  const window = choices.uint16()
  // What we send bears the other side's id; what comes to who connected has one less.
  const connectionId = ((last?.connectionId ?? 100) + (type === UTP_TYPE.syn ? 0 : 1) + idShift - 1) & 0xffff
  const sequence = ((last?.ack ?? 10) + sequenceShift) & 0xffff
  const ack = ((last?.sequence ?? 0) - 1 + ackShift) & 0xffff
  const sack = choices.below(4) === 3 ? choices.take(choices.byte()) : new Uint8Array(0)
  const current = { timestamp: choices.uint32(), timestampDifference: choices.byte(), window, ack }
  const head = encodeBare({ type, connectionId, sequence }, current, sack)
  const payload = type === UTP_TYPE.data ? [sequence >> 8, sequence & 255] : []
  return Uint8Array.from([...head, ...payload])
}

/** Steps with all numbers as they should be. */
function conversation(steps: readonly number[]): Uint8Array {
  return Uint8Array.from(steps.flatMap((step) => [step, 0, 1, 1, 1, 255, 255, 0, 0, 0, 0, 1, 0, 10]))
}

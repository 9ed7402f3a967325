import { DhtNode } from "../../../src/dht/node.js"
import { seededRandom } from "../../support/seeded-random.js"
import { digester } from "../../support/torrents.js"
import { Choices } from "../lib/choices.js"
import { must } from "../lib/expect.js"
import type { Target } from "../lib/target.js"
import { KRPC_KEYS, KRPC_SEEDS } from "./krpc.js"

/** Times what came in may go out (headers aside), and bytes that go out anyway: what a node asks of itself. */
const AMPLIFICATION = 6
const OWN = 20_000

/** Whatever datagrams come, a node goes on, and does not become a weapon. */
export const dhtNode: Target = {
  name: "dht-node",
  seeds: () => [joined(KRPC_SEEDS), joined([...KRPC_SEEDS, ...KRPC_SEEDS])],
  words: [...KRPC_KEYS, ...KRPC_SEEDS],
  check(input) {
    const random = seededRandom(7)
    let now = 0
    let sent = 0
    /** Transactions of what the node has asked, for datagrams that answer. */
    const asked: Uint8Array[] = []
    const node = new DhtNode({
      ...{ family: 4, random, readOnly: () => false, id: random.bytes(20), hasher: digester },
      now: () => now,
      send: (datagram) => {
        sent += datagram.length
        const at = Buffer.from(datagram).lastIndexOf("1:t4:")
        if (at >= 0 && asked.length < 100) asked.push(datagram.slice(at + 5, at + 9))
      },
      otherClosest: () => [],
      onOtherNodes: () => {},
    })
    node.findNode(random.bytes(20), () => {})
    const choices = new Choices(input)
    let received = 0
    while (choices.left > 0) {
      const from = { host: `198.51.100.${choices.byte()}`, port: 1 + choices.byte() }
      now += choices.byte() * 10
      const datagram = choices.take(choices.uint16() % 2100)
      const at = Buffer.from(datagram).lastIndexOf("1:t4:")
      const answers = at >= 0 && at + 9 <= datagram.length && asked.length > 0
      if (answers && choices.below(2) === 0) datagram.set(choices.pick(asked), at + 5)
      received += datagram.length
      node.receive(datagram, from)
      node.tick()
      // Each sender costs a ping, and each that answers is asked in a search.
      must(sent <= AMPLIFICATION * received + OWN, `${received} bytes made it send ${sent}`)
    }
    must(node.size <= 160 * 8, "it knows too many nodes")
    node.close()
  },
  runs: 1500,
}

function joined(datagrams: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(
    datagrams.flatMap((datagram, i) => [10 + i, 5, 30, datagram.length >> 8, datagram.length & 255, ...datagram, 0, 0]),
  )
}

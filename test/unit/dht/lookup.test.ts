import { describe, expect, it } from "vitest"
import { parseIp } from "../../../src/bytes/ip.js"
import type { Contact } from "../../../src/dht/contact.js"
import { Lookup, type LookupAnswer, type Start } from "../../../src/dht/lookup.js"
import { compareDistance } from "../../../src/dht/node-id.js"
import { K } from "../../../src/dht/routing-table.js"
import { secureId } from "../../../src/dht/secure-id.js"
import { seededRandom } from "../../support/seeded-random.js"

const random = seededRandom(11)
const target = random.bytes(20)
const PORT = 6881

/** A node whose id fits its address, each in a network of its own. */
function nodeAt(host: string): Contact {
  return { id: secureId(parseIp(host)!, random.bytes(20)), host, port: PORT }
}

const nodes = Array.from({ length: 60 }, (_, i) => nodeAt(`${20 + i}.1.${i}.7`))
const liar = nodeAt("99.1.1.7")
const byDistance = [...nodes].sort((a, b) => compareDistance(target, a.id, b.id))
const closest = byDistance.slice(0, K)
const near = byDistance.slice(0, 2 * K)
/** As close as can be. */
const invented = (n: number): Uint8Array => Uint8Array.of(...target.subarray(0, 18), n, 1)
const opposite = target.map((byte) => ~byte)

/** The hosts that a lookup ends with, when the liar answers before all others and those who are not there never do. */
function hostsFound(lies: readonly Contact[]): string[] {
  const token = Uint8Array.of(1)
  const asked: { to: Start; answered: LookupAnswer }[] = []
  const lookup = new Lookup(target, {
    ask: (to, answered) => {
      asked.push({ to, answered })
      return true
    },
    onDone: () => {},
  })
  lookup.start([liar, byDistance.at(-1)!])
  for (let next = asked.shift(); next !== undefined; next = asked.shift()) {
    const { to, answered } = next
    const node = [liar, ...nodes].find(({ host, port }) => host === to.host && port === to.port)
    if (node === undefined) answered.onLate()
    else answered.onAnswer(node.id, { token }, node === liar ? lies : near)
    if (node === undefined) answered.onFailed()
  }
  return lookup.holders().map(({ host }) => host)
}

describe("a lookup ends at the nodes that are closest", () => {
  const wanted = closest.map(({ host }) => host)
  const elsewhere = (n: number): string => `150.1.${n}.7`

  it.each<[string, Contact[]]>([
    ["says nothing", []],
    ["names them where they are not", near.map((node, n) => ({ ...node, host: elsewhere(n) }))],
    ["names them by ids that are not theirs, as close", near.map((node, n) => ({ ...node, id: invented(n) }))],
    ["names them by ids that are not theirs, far away", near.map((node) => ({ ...node, id: opposite }))],
    [
      "names others beside each of them",
      near.map(({ host, port }, n) => ({ id: invented(n), host: `${host}7`, port })),
    ],
  ])("although one %s", (_, lies) => {
    expect(hostsFound(lies)).toEqual(expect.arrayContaining(wanted))
  })

  it("asks one node of a network, and another when that is not there", () => {
    const beside = Array.from({ length: 5 }, (_, n) => nodeAt(`150.1.1.${n + 1}`))
    const asked: Start[] = []
    const listeners: LookupAnswer[] = []
    const lookup = new Lookup(target, {
      ask: (to, answered) => {
        asked.push(to)
        listeners.push(answered)
        return true
      },
      onDone: () => {},
    })
    lookup.start([liar])
    listeners[0]!.onAnswer(liar.id, {}, beside)
    expect(asked).toHaveLength(2)
    listeners[1]!.onFailed()
    expect(asked).toHaveLength(3)
    listeners[2]!.onLate()
    expect(asked).toHaveLength(4)
    listeners[3]!.onAnswer(asked[3]!.id!, { token: Uint8Array.of(1) }, [])
    // The late one answers after all: its network has its place.
    listeners[2]!.onAnswer(asked[2]!.id!, { token: Uint8Array.of(1) }, [])
    expect(asked).toHaveLength(4)
    expect(lookup.holders()).toHaveLength(1)
  })
})

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
/** Closer than all others, by ids that do not fit their addresses. */
const inventedNodes = near.map((_, n): Contact => ({ id: invented(n), host: `${160 + n}.1.1.7`, port: PORT }))

const token = Uint8Array.of(1)

/** A lookup that begins at these, and the questions it asks. */
function begin(starts: readonly Start[]) {
  const asked: { to: Start; answered: LookupAnswer }[] = []
  const lookup = new Lookup(target, {
    ask: (to, answered) => {
      asked.push({ to, answered })
      return true
    },
    onDone: () => {},
  })
  lookup.start(starts)
  return { lookup, asked }
}

/** The hosts that a lookup ends with, when the liar answers before all others and those who are not there never do. */
function hostsFound(lies: readonly Contact[]): string[] {
  const { lookup, asked } = begin([liar, byDistance.at(-1)!])
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

  it("although one names nodes that answer, whose ids are closer and do not fit their addresses", () => {
    const { lookup, asked } = begin([liar])
    const isLie = (id: Uint8Array | undefined): boolean => inventedNodes.some((node) => node.id === id)
    asked.shift()!.answered.onAnswer(liar.id, {}, [...inventedNodes, ...near])
    while (asked.length > 0) {
      // Those who lie are quickest.
      const quickest = Math.max(
        asked.findIndex(({ to }) => isLie(to.id)),
        0,
      )
      const [{ to, answered }] = asked.splice(quickest, 1) as [(typeof asked)[0]]
      answered.onAnswer(to.id!, { token }, [])
    }
    expect(lookup.done).toBe(true)
    expect(lookup.holders().map(({ host }) => host)).toEqual(expect.arrayContaining(wanted))
  })

  it.each<[string, (n: number) => string]>([
    ["/24", (n) => `150.1.1.${n}`],
    ["/64", (n) => `2001:db8:1:2:${n}::1`],
  ])("asks one node of a %s, and another when that is not there", (_, host) => {
    const beside = Array.from({ length: 5 }, (_, n) => nodeAt(host(n + 1)))
    const { lookup, asked } = begin([liar])
    asked[0]!.answered.onAnswer(liar.id, {}, beside)
    expect(asked).toHaveLength(2)
    asked[1]!.answered.onFailed()
    expect(asked).toHaveLength(3)
    asked[2]!.answered.onLate()
    expect(asked).toHaveLength(4)
    asked[3]!.answered.onAnswer(asked[3]!.to.id!, { token }, [])
    // The late one answers after all: its network has its place.
    asked[2]!.answered.onAnswer(asked[2]!.to.id!, { token }, [])
    expect(asked).toHaveLength(4)
    expect(lookup.holders()).toHaveLength(1)
  })
})

describe("a lookup has an end, whatever is invented", () => {
  it("asks K of those whose ids do not fit their addresses once K that do have answered", () => {
    const { lookup, asked } = begin(closest)
    for (let n = 0; n < K; n++) asked[n]!.answered.onAnswer(closest[n]!.id, {}, n === K - 1 ? inventedNodes : [])
    for (let n = K; n < asked.length; n++) asked[n]!.answered.onAnswer(asked[n]!.to.id!, {}, [])
    expect(asked).toHaveLength(2 * K)
    expect(lookup.done).toBe(true)
  })

  it("announces to K of those whose ids do not fit their addresses, though more gave a token", () => {
    const { lookup, asked } = begin(inventedNodes)
    for (const { to, answered } of asked) answered.onAnswer(to.id!, { token }, [])
    expect(lookup.answers).toBe(2 * K)
    expect(lookup.holders()).toHaveLength(K)
  })

  it("asks others meanwhile, where one may not be asked now, and that one later", () => {
    const [first, ...others] = near
    let mayAskAll = false
    const asked: string[] = []
    const answers: (() => void)[] = []
    const lookup = new Lookup(target, {
      ask: ({ host }, { onAnswer }) => {
        if (!mayAskAll && host === first!.host) return false
        asked.push(host)
        answers.push(() => onAnswer(nodes.find((node) => node.host === host)!.id, { token }, []))
        return true
      },
      onDone: () => {},
    })
    const answerAll = (): void => {
      for (let answer = answers.shift(); answer !== undefined; answer = answers.shift()) answer()
    }
    lookup.start(near)
    answerAll()
    expect(asked.slice(0, K)).toEqual(others.slice(0, K).map(({ host }) => host))
    expect(lookup.done).toBe(false)
    mayAskAll = true
    lookup.proceed()
    answerAll()
    expect([asked.at(-1), lookup.done]).toEqual([first!.host, true])
  })

  it("asks two hundred, though each that answers knows closer ones, of which one answers", () => {
    /** In the local network, where any id will do. */
    const step = (n: number): Contact[] =>
      [1, 2, 3, 4].map((port) => ({
        id: target.map((byte, at) => (at === 0 ? byte ^ (255 - n) : at === 1 ? byte ^ port : byte)),
        ...{ host: `10.0.0.${n}`, port },
      }))
    const { lookup, asked } = begin(step(0))
    for (let n = 0; n < asked.length && n < 255; n++) {
      const { to, answered } = asked[n]!
      if (to.port === 4) answered.onAnswer(to.id!, {}, step(Number(to.host.split(".")[3]) + 1))
      else answered.onFailed()
    }
    expect(asked).toHaveLength(200)
    expect(lookup.done).toBe(true)
  })

  it("remembers the hundred closest of those it is told of", () => {
    const many = Array.from({ length: 150 }, (_, n) => nodeAt(`${20 + n}.2.${n}.7`))
    const { asked } = begin(many)
    for (const { answered } of asked) answered.onFailed()
    const remembered = many.sort((a, b) => compareDistance(target, a.id, b.id)).slice(0, 100)
    expect(asked.map(({ to }) => to.host)).toEqual(remembered.map(({ host }) => host))
  })
})

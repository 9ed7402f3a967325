import { describe, expect, it } from "vitest"
import { parseIp } from "../../../src/bytes/ip.js"
import type { Contact } from "../../../src/dht/contact.js"
import { idSharing, sharedBits } from "../../../src/dht/node-id.js"
import { K, QUESTIONABLE_AFTER, RoutingTable } from "../../../src/dht/routing-table.js"
import { secureId } from "../../../src/dht/secure-id.js"
import { seededRandom } from "../../support/seeded-random.js"

const random = seededRandom(9)
const own = random.bytes(20)
let hosts = 0

/** A node that shares so many bits with us, at a local address of its own. */
function local(bits: number): Contact {
  hosts++
  return { id: idSharing(own, bits, random.bytes(20)), host: `10.0.${hosts >> 8}.${hosts & 255}`, port: 1000 }
}

function ids(contacts: readonly Contact[]): string[] {
  return contacts.map(({ host }) => host).sort()
}

describe("the routing table", () => {
  it("takes K nodes of a bucket, and gives the closest first", () => {
    const table = new RoutingTable(own)
    const far = Array.from({ length: 3 * K }, () => local(0))
    const near = Array.from({ length: 3 }, () => local(5))
    for (const contact of [...far, ...near]) table.answered(contact, 0)
    expect(table.size).toBe(K + 3)
    expect(ids(table.closest(own, 3))).toEqual(ids(near))
    expect(table.closest(own, 100)).toHaveLength(K + 3)
    table.assertInvariants()
  })

  it("never holds our own id", () => {
    const table = new RoutingTable(own)
    table.answered({ id: own, host: "10.0.0.1", port: 1 }, 0)
    expect(table.size).toBe(0)
  })

  it("puts a spare in the place of a node that does not answer twice in a row", () => {
    const table = new RoutingTable(own)
    const nodes = Array.from({ length: K + 1 }, () => local(2))
    for (const contact of nodes) table.answered(contact, 0)
    const [bad] = nodes
    const spare = nodes[K]!
    table.failed(bad!, 1)
    expect(ids(table.contacts())).toContain(bad!.host)
    table.failed(bad!, 2)
    expect(ids(table.contacts())).not.toContain(bad!.host)
    expect(ids(table.contacts())).toContain(spare.host)
    table.assertInvariants()
  })

  it("keeps those who fall silent all together, but names them to nobody", () => {
    const table = new RoutingTable(own)
    const node = local(2)
    table.answered(node, 0)
    for (let i = 0; i < 5; i++) table.failed(node, i)
    expect([table.size, table.contacts()]).toEqual([1, []])
    table.answered(node, 9)
    expect(table.contacts()).toEqual([node])
    for (let i = 0; i < 6; i++) table.failed(node, i)
    expect(table.size).toBe(0)
  })

  it("lets nobody take a node's place by claiming its id", () => {
    const table = new RoutingTable(own)
    const node = local(2)
    table.answered(node, 0)
    table.answered({ ...node, port: 6666 }, 1)
    expect(table.contacts()).toEqual([node])
  })

  it("has one place for a public address", () => {
    const table = new RoutingTable(own)
    for (let bits = 0; bits < 20; bits++) {
      table.answered({ id: idSharing(own, bits, random.bytes(20)), host: "9.9.9.9", port: 1 + bits }, 0)
    }
    expect(table.size).toBe(1)
    table.assertInvariants()
  })

  it("prefers nodes whose id fits their address (BEP 42)", () => {
    const table = new RoutingTable(own)
    for (let i = 0; i < K; i++)
      table.answered({ id: idSharing(own, 0, random.bytes(20)), host: `9.9.9.${i}`, port: 1 }, 0)
    let host = ""
    let id = own
    for (let i = 0; sharedBits(own, id) !== 0; i++) {
      host = `8.8.${i}.8`
      id = secureId(parseIp(host)!, random.bytes(20))
    }
    table.answered({ id, host, port: 1 }, 1)
    expect(ids(table.contacts())).toContain(host)
    expect(table.size).toBe(K)
    table.assertInvariants()
  })

  it("wants to know a node that asks, as long as there is room", () => {
    const table = new RoutingTable(own)
    expect(table.asked(local(0), 0)).toBe(true)
    for (let i = 0; i < K; i++) table.answered(local(0), 0)
    expect(table.asked(local(0), 0)).toBe(false)
  })

  it("asks after a node that was silent for 15 minutes", () => {
    const table = new RoutingTable(own)
    const [a, b] = [local(0), local(0)]
    table.answered(a, 0)
    table.answered(b, 0)
    expect(table.questionable(QUESTIONABLE_AFTER - 1)).toEqual([])
    expect(table.questionable(QUESTIONABLE_AFTER)).toEqual([a])
    table.answered(a, QUESTIONABLE_AFTER)
    expect(table.questionable(QUESTIONABLE_AFTER)).toEqual([b])
  })

  it("refreshes buckets that have room once, and all after 15 minutes without a change", () => {
    const table = new RoutingTable(own)
    expect(table.takeStale(0)).toBeUndefined()
    table.answered(local(2), 0)
    expect([0, 1, 2, 3].map(() => table.takeStale(0))).toEqual([0, 1, 2, undefined])
    expect([0, 1, 2, 3].map(() => table.takeStale(QUESTIONABLE_AFTER))).toEqual([0, 1, 2, undefined])
  })
})

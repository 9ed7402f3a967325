import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  answerTo,
  type HashRequest,
  isAnswerable,
  leadsTo,
  nodeOf,
  uncleCount,
} from "../../src/metainfo/hash-request.js"
import { heightOver, layerAbove } from "../../src/metainfo/merkle.js"
import { sha256 } from "../support/torrents.js"

/** All layers over so many leaves. */
function treeOver(leaves: number): Uint8Array[] {
  const tree: Uint8Array[] = [
    new Uint8Array(Buffer.concat(Array.from({ length: leaves }, (_, i) => sha256(Uint8Array.of(i, i >> 8))))),
  ]
  for (let height = 0; tree.at(-1)!.length > 32; height++) tree.push(layerAbove(tree[height]!, height, sha256))
  return tree
}

/** A request that a tree over so many leaves can answer. */
const scene = fc
  .tuple(fc.integer({ min: 2, max: 300 }), fc.nat(), fc.nat(), fc.nat(), fc.nat())
  .map(([leaves, a, b, c, d]) => {
    const height = heightOver(leaves)
    const base = a % height
    const power = b % (height - base + 1)
    const index = (c % 2 ** (height - base - power)) * 2 ** power
    const request = { root: new Uint8Array(32), base, index, length: 2 ** power, proofLayers: d % (height - base) }
    return { leaves, height, request: request as HashRequest }
  })

describe("an answer to a request for hashes", () => {
  it("leads to the node that it proves, and no changed one does", () => {
    fc.assert(
      fc.property(scene, fc.nat(), ({ leaves, height, request }, where) => {
        expect(isAnswerable(request, height)).toBe(true)
        const tree = treeOver(leaves)
        const node = (at: number, index: number) => nodeOf(tree[at]!, at, index, sha256)
        const answer = answerTo(request, node)!
        const top = request.base + Math.log2(request.length) + uncleCount(request)
        const known = node(top, Math.floor((request.index * 2 ** request.base) / 2 ** top))
        expect(leadsTo(known, request, answer, sha256)).toBe(true)
        if (request.proofLayers === height - request.base - 1) expect(known).toEqual(tree.at(-1))
        const changed = answer.slice()
        changed[where % changed.length]! ^= 1
        expect(leadsTo(known, request, changed, sha256)).toBe(false)
        expect(leadsTo(known, request, answer.subarray(32), sha256)).toBe(false)
      }),
    )
  })

  it("has the omitted layers of BEP 52", () => {
    const request = { root: new Uint8Array(32), base: 0, index: 0 }
    expect(uncleCount({ ...request, length: 2, proofLayers: 5 })).toBe(5)
    expect(uncleCount({ ...request, length: 8, proofLayers: 5 })).toBe(3)
    expect(uncleCount({ ...request, length: 512, proofLayers: 8 })).toBe(0)
    expect(uncleCount({ ...request, length: 512, proofLayers: 9 })).toBe(1)
    expect(uncleCount({ ...request, length: 4, proofLayers: 0 })).toBe(0)
  })

  it("is given to no request that the tree has no answer to", () => {
    const number = fc.oneof(fc.nat({ max: 20 }), fc.integer({ min: 0, max: 0xffffffff }))
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.record({ base: number, index: number, length: number, proofLayers: number }),
        (leaves, numbers) => {
          const request = { root: new Uint8Array(32), ...numbers }
          if (!isAnswerable(request, heightOver(leaves))) return
          const tree = treeOver(leaves)
          const answer = answerTo(request, (at, index) => nodeOf(tree[at]!, at, index, sha256))!
          expect(answer.length).toBeLessThanOrEqual(32 * (8192 + 32))
        },
      ),
      { numRuns: 2000 },
    )
  })
})

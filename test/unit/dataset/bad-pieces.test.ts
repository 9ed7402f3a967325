import { describe, expect, it } from "vitest"
import { Bitfield } from "../../../src/bytes/bitfield.js"
import { BadPieces } from "../../../src/dataset/bad-pieces.js"
import type { Engagement } from "../../../src/dataset/engagement.js"
import { AtError } from "../../../src/errors.js"

const REFUSAL = new AtError("AT_LOCKED", "locked", { hint: "wait" })

/** A store that is open, with these pieces, and those that it was told to lose, or to look for again. */
function opened(pieces: readonly number[], refusal?: AtError) {
  const have = new Bitfield(10)
  for (const piece of pieces) have.add(piece)
  const lost: number[] = []
  const lookedFor: number[] = []
  const lookAgain = (unread: number[]) => Promise.resolve(void lookedFor.push(...unread))
  const store = { have, lose: (piece: number) => void lost.push(piece), lookAgain }
  return { lost, have, lookedFor, engagement: { store, refusal, hadAtFirst: have.copy() } as unknown as Engagement }
}

describe("what a check finds bad", () => {
  it("is lost by the store that is open, but for what arrived after the check began; what could not be read is looked for", async () => {
    const { lost, have, lookedFor, engagement } = opened([1, 2, 3])
    const bad = new BadPieces()
    have.add(4)
    const { onBad: hear, onEnd } = bad.hearer(() => engagement)
    have.add(5)
    for (const piece of [1, 4, 5, 6]) hear(piece, true)
    hear(2, false)
    expect(lost).toEqual([1, 4])
    expect(lookedFor).toEqual([])
    await onEnd()
    expect(lookedFor).toEqual([2])
    expect(bad.kept.size).toBe(0)
  })

  it("is lost by a store that was opened since, if it had it then", () => {
    const { lost, have, engagement } = opened([1])
    let current: Engagement | undefined
    const { onBad: hear } = new BadPieces().hearer(() => current)
    current = engagement
    have.add(2)
    for (const piece of [1, 2]) hear(piece, true)
    expect(lost).toEqual([1])
  })

  it("is kept while none is open that can be written to, and handed to the next one", () => {
    const reading = opened([1, 2], REFUSAL)
    const writing = opened([1, 2, 3, 4])
    let current: Engagement | undefined
    const bad = new BadPieces()
    const { onBad: hear } = bad.hearer(() => current)
    hear(1, true)
    hear(3, false)
    current = reading.engagement
    hear(2, true)
    bad.handTo(reading.engagement, bad.kept)
    expect([...bad.kept]).toEqual([1, 3, 2])
    const told = bad.kept
    current = undefined
    // While the next one is being opened.
    for (const piece of [4, 5]) hear(piece, piece === 4)
    bad.handTo(writing.engagement, told)
    expect(writing.lost).toEqual([4])
    expect(bad.kept.size).toBe(0)
  })
})

import { describe, expect, it } from "vitest"
import type { PieceStore } from "../../../src/storage/piece-store.js"
import { World } from "./fixture.js"
import { atEveryStep, doneIn, recover, scenarios, wrongOnDisk } from "./recovery.js"

describe("at every step", () => {
  for (const scenario of scenarios) {
    for (const seed of ["one", "two"]) {
      it(`a killed process loses no stored piece and leaves no wrong claim: ${scenario.name} (${seed})`, async () => {
        const fresh = new World({ seed })
        const world = (await scenario.prepare?.(fresh)) ?? fresh
        let store: PieceStore | undefined
        const work = scenario.work(world, (one) => {
          store = one
        })
        const steps = await atEveryStep(world, work, async (step) => {
          const left = world.left(`left ${step}`)
          const { selected } = scenario
          await recover(left, scenario.of, {
            mustHave: store?.have ?? [],
            ...(step % 2 === 0 && selected ? { selected } : {}),
          })
        })
        expect(steps).toBeGreaterThan(30)
      })
    }

    for (const keep of [0, 0.3, 0.8, 1]) {
      it(`a power cut loses nothing durable and leaves no wrong claim: ${scenario.name} (keeps ${keep})`, async () => {
        const fresh = new World({ seed: keep })
        const world = (await scenario.prepare?.(fresh)) ?? fresh
        const work = scenario.work(world, () => {})
        await atEveryStep(world, work, async (step) => {
          const left = world.powerCut(keep, `left ${step}`)
          const { selected } = scenario
          const mustHave = doneIn(left, scenario.of).filter(
            (piece) => scenario.damaged === undefined || !wrongOnDisk(left, scenario.of, [piece]).length,
          )
          await recover(left, scenario.of, { mustHave, ...(step % 2 === 0 && selected ? { selected } : {}) })
        })
      })
    }
  }
})

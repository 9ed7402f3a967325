import { expect, it } from "vitest"
import { replaceFile } from "../../../src/dataset/replace-file.js"
import { createSimulation } from "../../sim/lib/simulation.js"

const PATH = "/made/data.torrent"
const [OLD, NEW] = [new Uint8Array(5000).fill(1), new Uint8Array(6000).fill(2)]

function stage() {
  const simulation = createSimulation({ seed: 1 })
  const platform = simulation.platform("10.0.0.1")
  platform.disk.putFile(PATH, OLD)
  return {
    disk: platform.disk,
    replace: () => simulation.runUntil(replaceFile(platform, PATH, NEW, { durable: true })),
  }
}

it("leaves the old file or the new one, whole, whenever the power fails", async () => {
  const { disk, replace } = stage()
  const left: (Uint8Array | undefined)[] = []
  const cutPower = (): void => void left.push(...[0, 0.5, 1].map((keep) => disk.crash({ keep }).readFile(PATH)))
  disk.failAt(() => {
    cutPower()
    return false
  }, "io")
  await replace()
  cutPower()
  expect(disk.readFile(PATH)).toEqual(NEW)
  for (const bytes of left) expect([OLD, NEW]).toContainEqual(bytes)
})

it("leaves the old file and nothing beside it when the disk fails, and names no other path", async () => {
  for (const kind of ["open", "write", "sync", "rename"]) {
    const { disk, replace } = stage()
    disk.failAt((operation) => operation.kind === kind, "full")
    await expect(replace()).rejects.toMatchObject({ failure: "full", path: PATH })
    expect(disk.filePaths()).toEqual([PATH])
    expect(disk.readFile(PATH)).toEqual(OLD)
  }
})

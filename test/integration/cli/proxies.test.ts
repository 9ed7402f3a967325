import { describe, expect, it } from "vitest"
import { Stage, sameFile } from "./stage.js"

const LENGTH = 300_000
/** A port of loopback that nothing listens on. */
const DEAD = "127.0.0.1:9"
/** Peers would need a proxy that is not set. What the testbed serves by HTTP is reached. */
const FOR_HTTP = { HTTPS_PROXY: `http://${DEAD}` }

describe("a proxy that is set only for HTTP", () => {
  it("makes a peer useless that NO_PROXY does not cover: with no other source that ends at once", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", LENGTH)
    const { stderr } = await stage.run(["get", dataset.infoHash, "--peer", DEAD], { env: FOR_HTTP, exits: 4 })
    expect(stderr).toMatch(/error: no peer.*127\.0\.0\.1: there is no proxy for peers/)
    expect(stderr).toMatch(/what to do: .*ALL_PROXY=/)
  })

  it("makes a peer useless: the other sources are used, and people are told", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", LENGTH, { webSeeds: [{}] })
    const { stderr } = await stage.run(["get", dataset.infoHash, "--peer", DEAD], { env: FOR_HTTP })
    expect(stderr.split("127.0.0.1: there is no proxy for peers")).toHaveLength(2)
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
  })
})

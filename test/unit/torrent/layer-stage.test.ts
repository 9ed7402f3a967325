import { describe, expect, it } from "vitest"
import { parseInfoDictionary } from "../../../src/metainfo/info-dictionary.js"
import { LayerStage } from "../../../src/torrent/metadata/layer-stage.js"
import { digester } from "../../support/torrents.js"
import { draftTorrent } from "../../support/v2-torrents.js"

const START = 1_000_000
const nothing = (): void => {}

function stageOf(version: "v1" | "v2" | "hybrid", length = 100_000) {
  const { info } = draftTorrent({ "a.bin": length }, { version, pieceLength: 16_384 })
  const options = { hasher: digester, name: "data", now: START, drop: nothing, onLayers: nothing }
  return LayerStage.of(parseInfoDictionary(info, digester), options)
}

describe("the piece layers of who has the info dictionary", () => {
  it("hold up a hybrid for fifteen seconds at most though some come, and for three when none does", () => {
    const hybrid = stageOf("hybrid")!
    expect(hybrid.isTooSlow(START + 14_999, 2_999)).toBe(false)
    expect(hybrid.isTooSlow(START + 15_000, 0)).toBe(true)
    expect(hybrid.isTooSlow(START + 3_000, 3_000)).toBe(true)
  })

  it("are waited for where nothing else says what pieces hash to", () => {
    expect(stageOf("v2")!.isTooSlow(START + 3_600_000, 3_600_000)).toBe(false)
  })

  it("are not asked for where there are none, or none are lacking", () => {
    expect([stageOf("v1"), stageOf("v2", 10_000)]).toEqual([undefined, undefined])
  })
})

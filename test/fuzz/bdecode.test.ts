import { expect, it } from "vitest"
import { describeWith, libtorrent } from "../support/partners/index.js"
import { explore } from "./lib/explore.js"
import { disagreements } from "./lib/libtorrent-bdecode.js"
import { bencode } from "./targets/bencode.js"
import { krpc } from "./targets/krpc.js"
import { metainfo } from "./targets/metainfo.js"

const RUNS = 2000

describeWith("libtorrent's bdecode", [libtorrent], () => {
  it.each([bencode, krpc, metainfo])("reads what we read of $name, and says the same", (target) => {
    const inputs: Uint8Array[] = []
    const check = (input: Uint8Array): void => void inputs.push(input)
    explore({ target: { ...target, check }, seed: 1, goesOn: (tried) => tried < RUNS })
    expect(disagreements(inputs)).toEqual([])
  })
})

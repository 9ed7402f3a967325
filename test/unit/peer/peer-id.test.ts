import { describe, expect, test } from "vitest"
import { clientOf, createPeerId } from "../../../src/peer/peer-id.js"

const id = (text: string) => Uint8Array.from(text.padEnd(20, "x"), (character) => character.charCodeAt(0))

describe("a peer id", () => {
  test("of ours says who we are and is random beyond that", () => {
    const random = { bytes: (length: number) => new Uint8Array(length).fill(0x7a), below: () => 0 }
    expect(Buffer.from(createPeerId(random)).toString()).toBe("-AT0100-zzzzzzzzzzzz")
    expect(clientOf(createPeerId(random))).toBe("academictorrents 0.1")
  })

  test.each([
    ["-TR3000-", "Transmission 3.0"],
    ["-qB4520-", "qBittorrent 4.5.2"],
    ["-LT2080-", "libtorrent 2.0.8"],
    ["-lt0D80-", "rTorrent 0.13.8"],
    ["A2-1-36-0-", undefined],
    ["-A2-1-36-", "aria2 1.36"],
    ["-WW0208-", "WebTorrent 0.2.0.8"],
    ["-ZZ1230-", "ZZ 1.2.3"],
    ["M7-10-5--", undefined],
    ["\0\0\0\0", undefined],
    ["-\u001b[1234-", undefined],
  ])("%j is of %j", (prefix, client) => {
    expect(clientOf(id(prefix))).toBe(client)
  })
})

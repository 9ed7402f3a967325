import { createHash } from "node:crypto"
import { mkdirSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { encode as bencode } from "../../../src/metainfo/bencode.js"
import { type Command, jsonLines } from "./command.js"
import { Stage } from "./stage.js"

const PIECE = 2 ** 24
/** Hashing so much takes minutes, and reading it nothing: zeros need no room on the disk. */
const PIECES = 2 ** 14

/** A torrent of zeros; they stand in the datastore already. */
function zeros(stage: Stage): { torrent: string; journal: string } {
  const digest = createHash("sha1").update(new Uint8Array(PIECE)).digest()
  const pieces = new Uint8Array(20 * PIECES)
  for (let piece = 0; piece < PIECES; piece++) pieces.set(digest, 20 * piece)
  const info = { length: PIECE * PIECES, name: "zeros", "piece length": PIECE, pieces }
  const torrent = stage.beside("zeros.torrent")
  writeFileSync(torrent, bencode({ info }))
  mkdirSync(stage.datastore, { recursive: true })
  writeFileSync(stage.stored("zeros"), "")
  truncateSync(stage.stored("zeros"), PIECE * PIECES)
  const infoHash = createHash("sha1").update(bencode(info)).digest("hex")
  return { torrent, journal: stage.stored(".academictorrents", infoHash, "journal") }
}

/** Waits until something was checked, and returns the bytes that the check is about. */
async function toCheck(command: Command): Promise<number> {
  const checked = () =>
    jsonLines(command.stdout.replace(/[^\n]*$/, "")).find(
      ({ state, doneBytes }) => state === "checking" && Number(doneBytes) > 0,
    )
  await command.until("something is checked", () => checked() !== undefined)
  return Number(checked()!["totalBytes"])
}

describe("the first check of data that is there", () => {
  it("goes on where it was after Ctrl-C, and after kill -9", async () => {
    await using stage = await Stage.open()
    const { torrent, journal } = zeros(stage)
    const start = () => stage.start(["get", torrent, "--offline", "--json"])
    const first = start()
    expect(await toCheck(first)).toBe(PIECE * PIECES)
    first.signal("SIGINT")
    await first.exits(130)
    const before = statSync(journal).size
    const second = start()
    const left = await toCheck(second)
    expect(left).toBeLessThan(PIECE * PIECES)
    await second.until("the journal has grown", () => statSync(journal).size > before)
    await second.kill()
    const third = start()
    expect(await toCheck(third)).toBeLessThan(left)
    await third.kill()
  })
})

import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "vitest"
import { createPlatform } from "../../../src/node/platform.js"
import type { Hasher } from "../../../src/ports/hasher.js"
import { PieceStore } from "../../../src/storage/piece-store.js"
import { deferred } from "../../support/deferred.js"
import { commit, fill, sample, wrongClaims } from "../../unit/storage/fixture.js"

/** Bytes: a piece of this length is a batch by itself, which goes while another one is under way. */
const PIECE = 2 ** 22

/** A hasher that writes what it is to store at once, and may be kept from saying so. */
function holding(hasher: Hasher) {
  const written = deferred()
  let held: Promise<void> | undefined
  const storePieces: Hasher["storePieces"] = async (_algorithm, pieces) => {
    for (const { targets } of pieces)
      for (const { file, position, bytes } of targets) await file.write([bytes], position)
    const wait = held
    held = undefined
    if (wait !== undefined) written.resolve()
    await wait
    return { fates: pieces.map(() => "written" as const), hashing: 0, writing: 0 }
  }
  const proxy = new Proxy(hasher, {
    get: (target, name: keyof Hasher) => (name === "storePieces" ? storePieces : target[name].bind(target)),
  })
  return {
    hasher: proxy,
    written: written.promise,
    hold(until: Promise<void>) {
      held = until
    },
  }
}

it("a piece is not claimed in a file that vanished while it was written to, though another stands there by now", async () => {
  const platform = createPlatform()
  const datastore = mkdtempSync(join(tmpdir(), "vanished-"))
  // Pieces 0 to 2 lie in F, 3 in both, 4 and 5 in G.
  const torrent = sample({
    pieceLength: PIECE,
    files: [
      { path: "F", length: 3.5 * PIECE },
      { path: "G", length: 2.5 * PIECE },
    ],
  })
  const { hasher, written, hold } = holding(platform.hasher)
  const open = () =>
    PieceStore.open({ platform: { ...platform, hasher }, metainfo: torrent.metainfo, datastore, verify: "auto" })
  const first = await open()
  await fill(first, torrent, { pieces: [0, 4] })
  await first.close()
  const store = await open()
  await fill(store, torrent, { pieces: [1] })
  const { promise: released, resolve: release } = deferred()
  hold(released)
  const lost = commit(store, torrent, 2)
  await written
  for (const name of ["F", "G"]) rmSync(join(datastore, "dataset", `${name}.part`))
  // Finds that they are gone: G is not open.
  expect(await commit(store, torrent, 3)).toMatchObject({ kind: "failed" })
  release()
  expect(await lost).toMatchObject({ kind: "failed" })
  expect([...store.have]).toEqual([])
  await fill(store, torrent, { pieces: [0, 1, 2, 3, 4, 5] })
  expect(store.have.complete).toBe(true)
  expect(Buffer.from(torrent.fileData(0)).equals(readFileSync(join(datastore, "dataset", "F")))).toBe(true)
  expect(await wrongClaims(store, torrent)).toEqual([])
  await store.close()
  await platform.close()
  rmSync(datastore, { recursive: true })
})

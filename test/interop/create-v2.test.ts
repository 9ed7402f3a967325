import { createHash } from "node:crypto"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { selectFiles } from "../../src/dataset/selection.js"
import { rawMember } from "../../src/metainfo/raw-member.js"
import { parseTorrent } from "../../src/metainfo/torrent-file.js"
import { academictorrents, describeWith, libtorrent } from "../support/partners/index.js"
import { Program } from "../support/program.js"
import { digester } from "../support/torrents.js"

/** Makes a torrent of a file or folder as libtorrent would, and prints what it is known by. */
const MAKE = `
import libtorrent as lt, sys, os
path, out, version, size = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
fs = lt.file_storage()
lt.add_files(fs, path)
ct = lt.create_torrent(fs, size, {"v1": lt.create_torrent.v1_only, "v2": lt.create_torrent.v2_only, "hybrid": 0}[version])
lt.set_piece_hashes(ct, os.path.dirname(path))
open(out, "wb").write(lt.bencode(ct.generate()))
`

/** What libtorrent understands of a .torrent. */
const READ = `
import libtorrent as lt, sys
t = lt.torrent_info(sys.argv[1])
h = t.info_hashes()
print(h.v1 if h.has_v1() else None, h.v2 if h.has_v2() else None)
`

/** The files that libtorrent sees in a .torrent, by number. */
const LIST = `
import libtorrent as lt, sys
files = lt.torrent_info(sys.argv[1]).files()
for i in range(files.num_files()):
    print(files.file_path(i))
`

const FOLDERS: Record<string, Record<string, number>> = {
  "many shapes": {
    README: 20,
    "a.b": 40_000,
    "a/b": 70_001,
    "a/empty": 0,
    "images/z.jpg": 1,
    "images/é.jpg": 33_333,
    Zebra: 32_768,
    "long.bin": 3_000_000,
    "copy of long.bin": 3_000_000,
    zz: 100,
  },
  "ends empty": { a: 100_000, b: 0 },
  "one inside": { "only.bin": 50_000 },
  aligned: { a: 65_536, b: 32_768 },
}

const data = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 7) & 0xff)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interop-create-v2-"))
  for (const [name, files] of Object.entries(FOLDERS)) {
    for (const [path, length] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name, path)), { recursive: true })
      await writeFile(join(folder, name, path), data(length))
    }
  }
  await writeFile(join(folder, "single.bin"), data(100_000))
  await writeFile(join(folder, "tiny.bin"), data(5))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function python(script: string, parameters: readonly string[]): Promise<string> {
  const program = new Program("/usr/bin/python3", ["-c", script, ...parameters])
  await program.succeeded(30)
  return program.output.trim()
}

describeWith("a v2 or hybrid torrent that we create, and libtorrent", [libtorrent], () => {
  const names = [...Object.keys(FOLDERS), "single.bin", "tiny.bin"]
  it.each(names.flatMap((name) => ["hybrid", "v2"].map((version) => [name, version] as const)))(
    "of %s (%s): the same info, the same piece layers",
    async (name, version) => {
      const path = join(folder, name)
      const theirs = join(folder, "theirs.torrent")
      const output = join(folder, "ours.torrent")
      for (const pieceLength of [16_384, 32_768, 262_144]) {
        await python(MAKE, [path, theirs, version, String(pieceLength)])
        const options = [`--${version}`, "--piece-length", String(pieceLength), "--overwrite"]
        const { infoHash } = await academictorrents.create(path, output, options)
        const expected = torrentAt(await readFile(theirs))
        const made = torrentAt(await readFile(output))
        expect(made).toEqual(expected)
        const v1 = createHash("sha1").update(made.info, "latin1").digest("hex")
        const v2 = createHash("sha256").update(made.info, "latin1").digest("hex")
        expect(await python(READ, [output])).toBe(`${version === "v2" ? "None" : v1} ${v2}`)
        expect(infoHash).toBe(version === "v2" ? v2 : v1)
      }
    },
    60_000,
  )

  it.each(["hybrid", "v2"])("number their files alike in magnet links (%s)", async (version) => {
    for (const name of names) {
      const output = join(folder, "numbered.torrent")
      await academictorrents.create(join(folder, name), output, [`--${version}`, "--overwrite"])
      const metainfo = parseTorrent(await readFile(output), digester)
      const { files } = metainfo.layout
      for (const [number, path] of (await python(LIST, [output])).split("\n").entries()) {
        if (path.includes("/.pad/")) continue
        const [index] = selectFiles(metainfo, {}, [{ first: number, last: number }])
        expect(path).toBe(metainfo.kind === "file" ? files[index!]!.path : `${name}/${files[index!]!.path}`)
      }
    }
  })
})

/** What must be the same, as texts of one character a byte. */
function torrentAt(bytes: Uint8Array): { info: string; pieceLayers: string } {
  const raw = (key: string): string => Buffer.from(rawMember(bytes, key)!).toString("latin1")
  return { info: raw("info"), pieceLayers: raw("piece layers") }
}

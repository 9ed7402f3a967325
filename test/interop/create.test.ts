import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { toHex } from "../../src/bytes/hex.js"
import { compareFilePaths, createTorrent } from "../../src/metainfo/create.js"
import { rawElements } from "../../src/metainfo/raw-path.js"
import { parseTorrent } from "../../src/metainfo/torrent-file.js"
import { digester } from "../support/torrents.js"

const PYTHON = "/usr/bin/python3"
const PIECE_LENGTH = 32768

const hasMktorrent = spawnSync("mktorrent", ["-h"]).error === undefined
const hasLibtorrent = spawnSync(PYTHON, ["-c", "import libtorrent"]).status === 0
if (!hasMktorrent) console.log("create: not compared with mktorrent, which is not installed")
if (!hasLibtorrent) console.log("create: not compared with libtorrent, whose Python package is not installed")

const directory = mkdtempSync(join(tmpdir(), "create-"))
afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
})

const CONTENTS: Record<string, number> = {
  README: 20,
  "a.b": 40_000,
  "a/b": 70_001,
  "a/empty": 0,
  "images/z.jpg": 1,
  "images/é.jpg": 33_333,
  Zebra: 32_768,
}
const folder = join(directory, "dataset")
for (const [path, length] of Object.entries(CONTENTS)) {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(
    join(folder, path),
    Uint8Array.from({ length }, (_, i) => i * 31 + length),
  )
}
const single = join(directory, "single.bin")
writeFileSync(
  single,
  Uint8Array.from({ length: 100_000 }, (_, i) => i * 7),
)

function hashPieces(paths: readonly string[]): Uint8Array {
  const data = Buffer.concat(paths.map((path) => readFileSync(path)))
  const hashes: Buffer[] = []
  for (let at = 0; at < data.length; at += PIECE_LENGTH) {
    hashes.push(
      createHash("sha1")
        .update(data.subarray(at, at + PIECE_LENGTH))
        .digest(),
    )
  }
  return new Uint8Array(Buffer.concat(hashes))
}

function folderInfoHash(isPrivate: boolean, paths: readonly string[][]): string {
  const { info } = createTorrent({
    name: "dataset",
    kind: "folder",
    files: paths.map((path) => ({ path, length: CONTENTS[path.join("/")]! })),
    pieceLength: PIECE_LENGTH,
    pieceHashes: hashPieces(paths.map((path) => join(folder, ...path))),
    private: isPrivate,
  })
  return toHex(digester.digest("sha1", info))
}

function singleInfoHash(): string {
  const { info } = createTorrent({
    name: "single.bin",
    kind: "file",
    files: [{ path: [], length: 100_000 }],
    pieceLength: PIECE_LENGTH,
    pieceHashes: hashPieces([single]),
  })
  return toHex(digester.digest("sha1", info))
}

const usualOrder = Object.keys(CONTENTS)
  .map((path) => path.split("/"))
  .sort(compareFilePaths)

describe.runIf(hasMktorrent)("mktorrent", () => {
  function mktorrent(name: string, ...parameters: string[]): Uint8Array {
    const out = join(directory, `${name}.mktorrent.torrent`)
    const run = spawnSync("mktorrent", [
      "-l",
      "15",
      "-t",
      "1",
      "-a",
      "http://tracker.example/announce",
      "-o",
      out,
      ...parameters,
    ])
    expect(run.status, String(run.stderr)).toBe(0)
    return readFileSync(out)
  }

  it("computes the same infohash for a file", () => {
    expect(toHex(parseTorrent(mktorrent("single", single), digester).infoHash)).toBe(singleInfoHash())
  })

  it("computes the same infohash for a folder in the usual order", () => {
    const theirs = parseTorrent(mktorrent("folder", folder), digester)
    expect(theirs.layout.files.map((_, file) => rawElements(theirs, file))).toEqual(usualOrder)
    expect(toHex(theirs.infoHash)).toBe(folderInfoHash(false, usualOrder))
  })

  it("computes the same infohash for a private folder", () => {
    const theirs = parseTorrent(mktorrent("private", "-p", folder), digester)
    expect(theirs.private).toBe(true)
    expect(toHex(theirs.infoHash)).toBe(folderInfoHash(true, usualOrder))
  })
})

/** Makes a v1 torrent; `order` gives the files' order, as `os.walk` would not. */
const MAKE = `
import libtorrent as lt, sys, os, json
path, out, order, private = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4] == "1"
fs = lt.file_storage()
name = os.path.basename(path)
for p in order:
    full = os.path.join(os.path.dirname(path), p)
    fs.add_file(p, os.path.getsize(full))
ct = lt.create_torrent(fs, ${PIECE_LENGTH}, lt.create_torrent.v1_only)
ct.set_priv(private)
lt.set_piece_hashes(ct, os.path.dirname(path))
open(out, "wb").write(lt.bencode(ct.generate()))
print(lt.torrent_info(out).info_hash())
`

/** What libtorrent makes of a .torrent of ours. */
const READ = `
import libtorrent as lt, sys, json
t = lt.torrent_info(sys.argv[1])
fs = t.files()
print(json.dumps({"hash": str(t.info_hash()), "private": t.priv(), "comment": t.comment(),
  "files": [[fs.file_path(i), fs.file_size(i)] for i in range(fs.num_files())],
  "trackers": sorted([x.tier, x.url] for x in t.trackers()), "seeds": [s["url"] for s in t.web_seeds()]}))
`

describe.runIf(hasLibtorrent)("libtorrent", () => {
  function python(script: string, ...parameters: string[]): string {
    const run = spawnSync(PYTHON, ["-c", script, ...parameters], { encoding: "utf8" })
    expect(run.status, run.stderr).toBe(0)
    return run.stdout.trim()
  }

  it("computes the same infohash for a file", () => {
    const out = join(directory, "single.libtorrent.torrent")
    expect(python(MAKE, single, out, JSON.stringify(["single.bin"]), "0")).toBe(singleInfoHash())
    expect(toHex(parseTorrent(readFileSync(out), digester).infoHash)).toBe(singleInfoHash())
  })

  it.each([false, true])("computes the same infohash for a folder (private: %s)", (isPrivate) => {
    const out = join(directory, "folder.libtorrent.torrent")
    const order = usualOrder.map((path) => join("dataset", ...path))
    const theirs = python(MAKE, folder, out, JSON.stringify(order), isPrivate ? "1" : "0")
    expect(theirs).toBe(folderInfoHash(isPrivate, usualOrder))
    expect(toHex(parseTorrent(readFileSync(out), digester).infoHash)).toBe(theirs)
  })

  it("reads what we create as we meant it", () => {
    const { torrent } = createTorrent({
      name: "dataset",
      kind: "folder",
      files: usualOrder.map((path) => ({ path, length: CONTENTS[path.join("/")]! })),
      pieceLength: PIECE_LENGTH,
      pieceHashes: hashPieces(usualOrder.map((path) => join(folder, ...path))),
      trackers: [["http://a.example/announce", "http://b.example/announce"], ["udp://c.example:1/"]],
      webSeeds: ["http://seed.example/"],
      comment: "données",
    })
    const path = join(directory, "ours.torrent")
    writeFileSync(path, torrent)
    expect(JSON.parse(python(READ, path))).toEqual({
      hash: folderInfoHash(false, usualOrder),
      private: false,
      comment: "données",
      files: usualOrder.map((file) => [join("dataset", ...file), CONTENTS[file.join("/")]]),
      trackers: [
        [0, "http://a.example/announce"],
        [0, "http://b.example/announce"],
        [1, "udp://c.example:1/"],
      ],
      seeds: ["http://seed.example/"],
    })
  })
})

import { AtError } from "../../../src/errors.js"
import { encode } from "../../../src/metainfo/bencode.js"
import { parseInfoDictionary } from "../../../src/metainfo/info-dictionary.js"
import type { Metainfo } from "../../../src/metainfo/metainfo.js"
import { parseTorrent } from "../../../src/metainfo/torrent-file.js"
import { digester, folderInfo, torrentOf } from "../../support/torrents.js"
import { draftTorrent, withLayers } from "../../support/v2-torrents.js"
import { must, mustEqual, outcome, sameBytes } from "../lib/expect.js"
import { mustBeSafe, mustBeSafeName } from "../lib/safe.js"
import { bencoded, type Target, words } from "../lib/target.js"

const MAX_PIECES = 1 << 21
const FILES = { "a/b.csv": 70_000, "a/empty": 0, "c.bin": 16_384, "ü.txt": 1 }

/** A .torrent of any kind is refused with a reason, or read to something that everything else can rely on. */
export const metainfo: Target = {
  name: "metainfo",
  seeds: () => [
    torrentOf(folderInfo({ private: 1 }), {
      announce: "http://tracker.example/announce",
      "announce-list": [["http://tracker.example/announce"], ["udp://tracker.example:6969"]],
      comment: "x",
      "creation date": 1411423377,
      "url-list": ["https://seed.example/"],
    }),
    encode({ info: { length: 5, name: "one", "piece length": 16_384, pieces: new Uint8Array(20) } }),
    ...(["v1", "v2", "hybrid"] as const).map((version) => draftTorrent(FILES, { version }).torrent),
    withLayers(draftTorrent({ ...FILES, "d.bin": 20_000 }, { version: "hybrid", pieceLength: 16_384 }).torrent, 1),
    draftTorrent({ one: 40_000 }, { version: "v2", kind: "file", name: "one", pieceLength: 16_384 }).torrent,
  ],
  ...bencoded(
    words(
      ..."announce,announce-list,attr,comment,creation date,file tree,files,info,length,meta version,name".split(","),
      ..."name.utf-8,path,path.utf-8,piece layers,piece length,pieces,pieces root,private,url-list".split(","),
      ...["", "..", ".", "/", "p", "l", "_____padding_file_", "a.part", "http://x/", ".academictorrents"],
    ),
  ),
  check(input) {
    const read = outcome(() => parseTorrent(input, digester), AtError)
    if (read.error !== undefined) {
      must(read.error.code === "AT_METADATA", `it is refused as ${read.error.code}`)
      return
    }
    mustBeSound(read.value)
    const alone = parseInfoDictionary(read.value.infoBytes, digester)
    must(sameBytes(alone.infoHash, read.value.infoHash), "info alone has another infohash")
    mustEqual(alone.layout, read.value.layout, "info alone has another layout")
  },
  runs: 2000,
}

/** What the rest of the program relies on, whatever the torrent said. */
function mustBeSound({ layout, fileNodes, ...torrent }: Metainfo): void {
  must(torrent.infoHash.length === 20, "the infohash has another length")
  must(torrent.infoHashV2 === null || torrent.infoHashV2.length === 32, "the infohash of v2 has another length")
  must(layout.pieceCount <= MAX_PIECES && Number.isSafeInteger(layout.length), "it is too large")
  const needsPieces = torrent.version === "v2" ? 0 : layout.pieceCount * 20
  must(torrent.pieceHashes.length === needsPieces, "pieces and their hashes do not match")
  for (const [index, elements] of torrent.renamed) {
    must(elements.join("/") !== layout.files[index]!.path, "a file is renamed to its own name")
  }
  let end = 0
  let bytes = 0
  for (const { offset, length, path } of layout.files) {
    must(length >= 0 && offset >= end, "files overlap")
    end = offset + length
    bytes += length
    must(path !== "", "a file has no path")
  }
  must(end === layout.length, "the files do not end where the torrent does")
  must(torrent.version !== "v2" || fileNodes?.complete === true, "a piece layer is missing")
  let pieces = 0
  for (let piece = 0; piece < Math.min(layout.pieceCount, 100); piece++) {
    must(layout.pieceSize(piece) > 0 && layout.pieceSize(piece) <= layout.pieceLength, "a piece has an odd size")
    pieces += layout.pieceSize(piece)
    if (fileNodes?.complete === true) must(fileNodes.node(piece)?.length === 32, "a piece has no node")
  }
  if (layout.pieceCount <= 100) must(pieces === bytes, "pieces and files differ in size")
  mustBeSafeName(torrent.name)
  mustBeSafe(layout.files.map(({ path }) => path))
}

import { createHash } from "node:crypto"
import { type FileHandle, open, readdir, stat } from "node:fs/promises"
import { basename, join } from "node:path"
import {
  type Bencodable,
  type BencodableDictionary,
  type Decoded,
  type DecodedDictionary,
  decode,
  encode,
  spans,
} from "./bencode.js"

export interface TorrentFile {
  /** Elements below the torrent's folder; empty for a single-file torrent. */
  readonly path: readonly string[]
  readonly offset: number
  readonly length: number
  /** Zeros that are in no file on disk (BEP 47). */
  readonly padding: boolean
}

/** A v1 torrent, as the other side of the wire sees it. */
export interface Torrent {
  /** The whole .torrent. */
  readonly bytes: Uint8Array
  /** The raw bytes of `info`. */
  readonly info: Uint8Array
  /** 40 hex digits. */
  readonly infoHash: string
  readonly name: string
  readonly kind: "file" | "folder"
  readonly length: number
  readonly pieceLength: number
  readonly pieceCount: number
  readonly files: readonly TorrentFile[]
}

export interface CreateOptions {
  /** The file's or folder's last path element, when absent. */
  name?: string
  /** Bytes; 256 KiB when absent. */
  pieceLength?: number
  trackers?: readonly (readonly string[])[]
  webSeeds?: readonly string[]
  comment?: string
  private?: boolean
  /** Puts a padding file (BEP 47) after each file that does not end with a piece. */
  padding?: boolean
  /** More keys of `info`. */
  extraInfo?: BencodableDictionary
}

/** Makes a v1 torrent of a file or folder, files in the order of their paths. */
export async function createTorrent(path: string, options: CreateOptions = {}): Promise<Torrent> {
  const pieceLength = options.pieceLength ?? 256 * 1024
  const single = (await stat(path)).isFile()
  const sources = single ? [[]] : await filesBelow(path)
  const files: Bencodable[] = []
  const hasher = new PieceHasher(pieceLength)
  for (const elements of sources) {
    const before = hasher.length
    await hashFile(join(path, ...elements), hasher)
    files.push({ length: hasher.length - before, path: elements })
    const short = (pieceLength - (hasher.length % pieceLength)) % pieceLength
    if (!options.padding || short === 0 || elements === sources[sources.length - 1]) continue
    hasher.update(Buffer.alloc(short))
    files.push({ attr: "p", length: short, path: [".pad", String(short)] })
  }
  const info: BencodableDictionary = {
    name: options.name ?? basename(path),
    "piece length": pieceLength,
    pieces: hasher.end(),
    private: options.private ? 1 : undefined,
    ...(single ? { length: hasher.length } : { files }),
    ...options.extraInfo,
  }
  const bytes = encode({
    announce: options.trackers?.[0]?.[0],
    "announce-list": options.trackers,
    comment: options.comment,
    info,
    "url-list": options.webSeeds,
  })
  return readTorrent(bytes)
}

/** Reads a v1 .torrent, whoever made it. */
export function readTorrent(bytes: Uint8Array): Torrent {
  const info = spans(bytes).get("info")
  if (info === undefined) throw new Error("the torrent has no info")
  const fields = decode(info) as DecodedDictionary
  const list = fields.get("files") as DecodedDictionary[] | undefined
  const files: TorrentFile[] = []
  let offset = 0
  for (const file of list ?? [fields]) {
    const length = file.get("length") as number
    const path = list === undefined ? [] : (file.get("path") as Decoded[]).map(String)
    files.push({ path, offset, length, padding: String(file.get("attr") ?? "").includes("p") })
    offset += length
  }
  const pieceLength = fields.get("piece length") as number
  return {
    bytes,
    info,
    infoHash: createHash("sha1").update(info).digest("hex"),
    name: String(fields.get("name")),
    kind: list === undefined ? "file" : "folder",
    length: offset,
    pieceLength,
    pieceCount: Math.ceil(offset / pieceLength),
    files,
  }
}

async function filesBelow(folder: string, above: readonly string[] = []): Promise<string[][]> {
  const found: string[][] = []
  const entries = await readdir(join(folder, ...above), { withFileTypes: true })
  for (const entry of entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))) {
    const path = [...above, entry.name]
    if (entry.isDirectory()) found.push(...(await filesBelow(folder, path)))
    else found.push(path)
  }
  return found
}

async function hashFile(path: string, hasher: PieceHasher): Promise<void> {
  const buffer = Buffer.allocUnsafe(1024 * 1024)
  const handle: FileHandle = await open(path)
  try {
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length)
      if (bytesRead === 0) return
      hasher.update(buffer.subarray(0, bytesRead))
    }
  } finally {
    await handle.close()
  }
}

class PieceHasher {
  length = 0
  readonly #pieceLength: number
  readonly #digests: Buffer[] = []
  #hash = createHash("sha1")

  constructor(pieceLength: number) {
    this.#pieceLength = pieceLength
  }

  update(bytes: Uint8Array): void {
    let from = 0
    while (from < bytes.length) {
      const room = this.#pieceLength - (this.length % this.#pieceLength)
      const part = bytes.subarray(from, from + room)
      this.#hash.update(part)
      this.length += part.length
      from += part.length
      if (this.length % this.#pieceLength === 0) this.#finish()
    }
  }

  end(): Buffer {
    if (this.length % this.#pieceLength !== 0) this.#finish()
    return Buffer.concat(this.#digests)
  }

  #finish(): void {
    this.#digests.push(this.#hash.digest())
    this.#hash = createHash("sha1")
  }
}

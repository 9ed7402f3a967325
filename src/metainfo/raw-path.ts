import { decodeUtf8Lenient } from "../bytes/text.js"
import type { TorrentLayout } from "./layout.js"
import type { Metainfo } from "./metainfo.js"
import type { RawFile } from "./raw-file.js"

const SLASH = 0x2f
const FIRST_BEYOND_ASCII = 0x80

type Names = Pick<Metainfo, "layout" | "renamed">

/** The path elements of a file as the author wrote them, for the URLs of web seeds. */
export function rawElements({ layout, renamed }: Names, file: number): readonly string[] {
  return renamed.get(file) ?? layout.files[file]!.path.split("/")
}

/** A file's path as the author wrote it, joined with `/`: under this one, data lies that he shares himself. */
export function rawPath({ layout, renamed }: Names, file: number): string {
  return renamed.get(file)?.join("/") ?? layout.files[file]!.path
}

/** {@link Metainfo.renamed}, by the files as a torrent describes them. */
export function renamedFiles({ files }: TorrentLayout, raw: readonly RawFile[]): Map<number, readonly string[]> {
  const renamed = new Map<number, readonly string[]>()
  for (const [index, { path: elements }] of raw.entries()) {
    const { path } = files[index]!
    if (isAsciiPath(elements, path)) continue
    const written = elements.map(decodeUtf8Lenient)
    // No element of a safe path has a slash in it, so equal texts are equal elements.
    if (written.join("/") !== path) renamed.set(index, written)
  }
  return renamed
}

/** Whether the elements are ASCII, and `path` when they are joined: nearly all are, and need not be decoded. */
function isAsciiPath(elements: readonly Uint8Array[], path: string): boolean {
  let at = 0
  for (const element of elements) {
    if (at > 0 && path.charCodeAt(at++) !== SLASH) return false
    for (const byte of element) if (byte >= FIRST_BEYOND_ASCII || byte !== path.charCodeAt(at++)) return false
  }
  return at === path.length
}

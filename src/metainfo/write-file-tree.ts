import { toLatin1 } from "../bytes/text.js"
import { BencodeDictionary, type BencodeInput } from "./bencode.js"
import type { FileHashes } from "./file-hashes.js"
import type { TorrentDraft } from "./torrent-draft.js"

/** A folder's entries by name; what has no entries of its own is a file. */
type Tree = Map<string, Tree | { readonly "": BencodeInput }>

/** The `file tree` of a draft (BEP 52). */
export function fileTreeOf({ name, kind, files }: TorrentDraft, hashes: readonly (FileHashes | undefined)[]): Tree {
  const tree: Tree = new Map()
  for (const [index, { path, length, padding = false }] of files.entries()) {
    if (padding) continue
    const elements = kind === "file" ? [name] : path
    let folder = tree
    for (const element of elements.slice(0, -1)) {
      const known = folder.get(element)
      const next: Tree = known instanceof Map ? known : new Map()
      folder.set(element, next)
      folder = next
    }
    folder.set(elements[elements.length - 1]!, { "": { length, "pieces root": hashes[index]?.root } })
  }
  return tree
}

/** The `piece layers` (BEP 52): identical files share one. */
export function pieceLayersOf(hashes: readonly (FileHashes | undefined)[]): BencodeDictionary {
  const layers = new Map<string, Uint8Array>()
  for (const file of hashes)
    if (file !== undefined && file.layer.length > 0) layers.set(toLatin1(file.root), file.layer)
  const keys = [...layers.keys()].sort()
  return new BencodeDictionary(
    keys,
    keys.map((key) => layers.get(key)!),
  )
}

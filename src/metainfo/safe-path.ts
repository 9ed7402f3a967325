import { sameBytes } from "../bytes/same-bytes.js"
import { encodeUtf8, toLatin1 } from "../bytes/text.js"
import { foldCase, isStateFolder, numbered, numberedBase, PART_SUFFIX, safeElement } from "./safe-element.js"

/**
 * The safe name of a dataset's file or folder below the datastore. `fallback` stands in for a name that is empty, so
 * that nameless datasets don't meet.
 */
export function safeName(raw: Uint8Array, fallback: string): string {
  if (raw.length === 0) return fallback
  const name = safeElement(raw)
  return isStateFolder(name) ? safeElement(encodeUtf8(`_${name}`)) : name
}

/**
 * Safe paths below a dataset's folder for the raw path elements of its files, in the same order, joined with `/`.
 *
 * They hold for every file system at once: no two files meet when case, Unicode form or invisible characters are
 * ignored, no file stands where a folder must, and no file's name is another's unfinished name (`a.part` beside `a`).
 * What would collide gets `~2`, `~3` … before its extension: files in torrent order, the first keeps its name. So the
 * result depends on the torrent alone, and safe paths map to themselves. Takes linear time.
 */
export function safePaths(files: readonly (readonly Uint8Array[])[]): string[] {
  const root = new Folder("")
  return files.map((elements) => {
    let folder = root
    for (let depth = 0; depth + 1 < elements.length; depth++) folder = folder.folder(elements[depth]!)
    return folder.file(elements[elements.length - 1] ?? new Uint8Array(0))
  })
}

/** A folder with the names given away in it. */
class Folder {
  readonly #prefix: string
  readonly #folders = new Map<string, Folder>()
  /** The one asked for last. */
  #latest: { readonly raw: Uint8Array; readonly folder: Folder } | undefined
  /** By folded name. */
  readonly #taken = new Map<string, "file" | "folder">()
  /** Whether any of them ends like an unfinished file: in nearly all torrents none does. */
  #hasPart = false
  /** The last number tried for a base: without it, many equal names would take quadratic time. */
  readonly #numbers = new Map<string, number>()

  /** `prefix` is the folder's safe path with a `/` at its end, or nothing. */
  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** The safe path of a new file. The same name again is another file. */
  file(raw: Uint8Array): string {
    return this.#prefix + this.#freeName(raw, "file")
  }

  /** The folder of that name. */
  folder(raw: Uint8Array): Folder {
    // Files of a tree (BEP 52) share the elements themselves: to read them for each file takes the time of all paths written out.
    // In lists, too, one file mostly lies beside the one before.
    if (this.#latest !== undefined && (this.#latest.raw === raw || sameBytes(this.#latest.raw, raw)))
      return this.#latest.folder
    const key = toLatin1(raw)
    let folder = this.#folders.get(key)
    if (folder === undefined) {
      folder = new Folder(`${this.#prefix}${this.#freeName(raw, "folder")}/`)
      this.#folders.set(key, folder)
    }
    this.#latest = { raw, folder }
    return folder
  }

  /** Takes a name that is free. */
  #freeName(raw: Uint8Array, kind: "file" | "folder"): string {
    const wanted = safeElement(raw)
    let name = wanted
    let place = foldCase(name)
    while (!this.#isFree(place, kind)) {
      name = this.#nextName(wanted)
      place = foldCase(name)
    }
    this.#taken.set(place, kind)
    if (place.endsWith(FOLDED_PART_SUFFIX)) this.#hasPart = true
    return name
  }

  /** A file takes its unfinished name with its own, so that has to be free too, and its name must be no other's. */
  #isFree(place: string, kind: "file" | "folder"): boolean {
    if (this.#taken.has(place)) return false
    if (kind === "file" && this.#hasPart && this.#taken.has(place + FOLDED_PART_SUFFIX)) return false
    return !(
      place.endsWith(FOLDED_PART_SUFFIX) && this.#taken.get(place.slice(0, -FOLDED_PART_SUFFIX.length)) === "file"
    )
  }

  #nextName(wanted: string): string {
    const base = numberedBase(wanted)
    const number = (this.#numbers.get(base) ?? 1) + 1
    this.#numbers.set(base, number)
    return numbered(wanted, number)
  }
}

/** Folding a name with the suffix is folding each: the suffix is ASCII, and begins with what combines with nothing. */
const FOLDED_PART_SUFFIX = foldCase(PART_SUFFIX)

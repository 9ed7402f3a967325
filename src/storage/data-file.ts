import type { TorrentLayout } from "../metainfo/layout.js"
import type { FileStat } from "../ports/disk.js"
import type { FileStamp, Stamp } from "./journal-state.js"

/** What an unfinished file is called: its name with this behind. */
export const UNFINISHED = ".part"
/** A file's or folder's name that another's with {@link UNFINISHED} behind could be. */
const LOOKS_UNFINISHED = /\.part(?:\/|$)/i

/** A file of the dataset, as it stands on the disk. */
export class DataFile {
  readonly index: number
  readonly length: number
  /** Absolute; of the finished file. */
  readonly path: string
  /** Absolute; of the unfinished one. */
  readonly partPath: string
  selected = false
  /** Somebody reads it: what comes of it goes to its place, though nobody wants all of it. */
  kept = false
  /** Why it is not looked at though something stands in its place, in words: a link, or a folder. */
  obstacle: string | undefined
  /** How often it was given up, because it had vanished: what was written to it before is gone. */
  losses = 0
  place: "none" | "part" | "final" = "none"
  /** Pieces that are not verified. */
  missing = 0
  /** What it looks like when nobody wrote to it since; undefined while it is being written to. */
  stamp: FileStamp | undefined
  /** Bytes of the disk that it took when it was found or made. */
  allocated = 0
  /** Of the file that we found or made. Should another stand at its path, that is not ours. */
  inode: bigint | undefined
  /**
   * It stands there with the right length, but only pieces it shares with other files could tell whether it is the right
   * one: it is compared with them, never written to.
   */
  provisional = false
  /** Somebody else wrote to it: what it held is believed piece by piece, once hashed again. */
  doubtful = false
  /** What of others may make way for it: an empty file at the finished file's path, or whatever stands there. */
  replaces: "nothing" | "empty" | "anything" = "nothing"
  /** Being made, or made, ready to be written to. */
  ready: Promise<void> | undefined
  /** Being given its final name. */
  finishing: Promise<void> | undefined
  /** Being made or written to in a list, beside other small files; never rejects. */
  listed: Promise<void> | undefined

  constructor(index: number, length: number, path: string, partPath: string) {
    this.index = index
    this.length = length
    this.path = path
    this.partPath = partPath
  }

  /** It was found or made there, and looks like that. */
  standsAt(place: "part" | "final", stat: FileStat): void {
    this.place = place
    this.allocated = stat.allocated
    this.stamp = stampOf(place, stat)
    this.inode = this.stamp.inode
  }

  /** Where it stands, or will stand first. */
  get current(): string {
    return this.place === "final" ? this.path : this.partPath
  }

  /** Somebody wrote behind its end, or cut it short, before we came. */
  get hasWrongLength(): boolean {
    return this.place === "final" && !this.doubtful && this.stamp !== undefined && this.stamp.size !== this.length
  }

  /** What has to end before it may be made ready to be written to. */
  get busy(): Promise<void> | undefined {
    return this.listed ?? this.finishing
  }

  /** Whether a piece's bytes of it stand in `edges/`: nobody wants the file, or reads it, and it is not there. */
  get inEdges(): boolean {
    return this.place === "none" && !this.selected && !this.kept
  }

  /** Somebody wrote behind its end before we came: nobody could bring back these bytes, so they are not ours to cut off. */
  get isTooLong(): boolean {
    return this.hasWrongLength && this.stamp!.size > this.length
  }

  /** Its handle's name in the pool. */
  get key(): string {
    return `file ${this.index}`
  }
}

/**
 * The dataset's files below `root`, at these paths there; undefined for padding, which is nowhere. A single file is `root` itself.
 *
 * A name with `.part` behind may be another file's of the dataset: then more is put behind.
 */
export function dataFiles(
  layout: TorrentLayout,
  kind: "file" | "folder",
  root: string,
  paths: readonly string[],
): (DataFile | undefined)[] {
  const pathOf = (path: string): string => (kind === "file" ? root : `${root}/${path}`)
  const mayMeet = layout.files.some(({ path }, index) => paths[index] !== path || looksUnfinished(path))
  const taken = new Set<string>()
  const top = fold(root).length
  for (const [index, { padding }] of layout.files.entries()) {
    if (padding || !mayMeet) continue
    const folded = fold(pathOf(paths[index]!))
    // A folder's name could also be a file's with `.part`.
    for (
      let end = folded.length;
      end > top && !taken.has(folded.slice(0, end));
      end = folded.lastIndexOf("/", end - 1)
    ) {
      taken.add(folded.slice(0, end))
    }
  }
  return layout.files.map((file, index) => {
    if (file.padding) return undefined
    const path = pathOf(paths[index]!)
    const isOurName = paths[index] === file.path
    let partPath = (isOurName ? path : pathOf(safelyNamed(paths[index]!, file.path))) + UNFINISHED
    if (mayMeet) {
      while (taken.has(fold(partPath))) partPath += UNFINISHED
      taken.add(fold(partPath))
    }
    return new DataFile(index, file.length, path, partPath)
  })
}

/** The path with the last name of the safe one, which has room for {@link UNFINISHED}. */
export function safelyNamed(path: string, safePath: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1) + safePath.slice(safePath.lastIndexOf("/") + 1)
}

/** Whether it is what an unfinished file could be called, or lies in a folder of such a name. */
export function looksUnfinished(path: string): boolean {
  return LOOKS_UNFINISHED.test(path)
}

/** As the least exact file systems compare names. */
function fold(path: string): string {
  return path.normalize("NFC").toLowerCase()
}

export function stampOf(place: "part" | "final", { size, mtimeNs, inode, bornNs }: FileStat): FileStamp {
  // As the journal keeps them: a time before 1970 is a large number.
  const [mtime, number, born] = [mtimeNs, inode, bornNs].map((value) => BigInt.asUintN(64, value))
  return { place, size, mtimeNs: mtime!, inode: number!, bornNs: born! }
}

/** The same file, not written to since; a new name does not count. */
export function sameStamp(a: Stamp, b: Stamp): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.inode === b.inode
}

/** The same file, whatever was written to it since. Where nobody knows when it was made, its inode has to do. */
export function sameFile(a: FileStamp, b: FileStamp): boolean {
  return a.inode === b.inode && (a.bornNs === b.bornNs || a.bornNs === 0n || b.bornNs === 0n)
}

/** No file that something is claimed of looks like this: at the next start its pieces are hashed. But it is still known as ours. */
export function doubtfulStamp({ place, inode = 0n }: DataFile): FileStamp {
  return { place: place === "final" ? "final" : "part", size: 0, mtimeNs: 0n, inode, bornNs: 0n }
}

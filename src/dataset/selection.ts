import { AtError } from "../errors.js"
import type { Magnet } from "../metainfo/magnet.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import { rawPath } from "../metainfo/raw-path.js"
import { filesMatching, isGlob, type NamedFile } from "./file-pattern.js"

/**
 * Which files of a dataset are wanted: by the paths of files or folders inside the dataset (a folder means everything in it), or
 * by globs that match paths (with `**` and `{a,b}`). Without `/`, either means names of files and folders at any depth. Names
 * may also be those that the author gave, where ours differ.
 */
export interface FileChoice {
  /** Only files that match one of these; each must match a file. Default, and if empty: all files. */
  readonly include?: readonly string[] | undefined
  /** Not the files that match one of these. A path or a name must be there; a glob may match nothing. Default: none. */
  readonly exclude?: readonly string[] | undefined
}

/** A pattern of the user's, and what it means in a dataset. */
interface Meaning {
  readonly pattern: string
  readonly files: readonly DataFile[]
}

interface DataFile extends NamedFile {
  /** Into the layout's files. */
  readonly index: number
  /** What magnet links call it (BEP 53). */
  readonly number: number
}

/**
 * The files that a choice means, as indexes into `layout.files`. Where it names none to include, those of `selectOnly`
 * (a magnet link's, BEP 53), if there is any.
 *
 * @throws AtError `AT_INVALID_INPUT` when it means none, or names something that is not there
 */
export function selectFiles(
  metainfo: Pick<Metainfo, "layout" | "renamed" | "version">,
  { include = [], exclude = [] }: FileChoice,
  selectOnly: Magnet["selectOnly"] = null,
): Set<number> {
  const { layout } = metainfo
  if (include.length === 0 && exclude.length === 0 && selectOnly === null) return dataFiles(layout)
  const numbers = fileNumbers(metainfo)
  const files = layout.files.flatMap(({ path, padding }, index): DataFile[] =>
    padding ? [] : [{ path, rawPath: rawPath(metainfo, index), index, number: numbers[index]! }],
  )
  const meaning = (pattern: string): Meaning => ({ pattern, files: filesMatching(pattern, files) })
  const included = include.map(meaning)
  const excluded = exclude.map(meaning)
  refuseMisspelt([...included, ...excluded.filter(({ pattern }) => !isGlob(pattern))])

  const isChosen = include.length > 0 ? isOneOf(included) : isListed(selectOnly)
  const isExcluded = isOneOf(excluded)
  const chosen = files.filter(isChosen)
  const selected = chosen.filter((file) => !isExcluded(file))
  if (selected.length === 0 && files.length > 0) {
    if (chosen.length === 0) throw refusal("no file of the dataset matches the numbers in the magnet link (so=…)")
    const ofWhich = include.length > 0 ? ` that match ${include.join(", ")}` : ""
    throw refusal(`all files${ofWhich} are excluded by ${exclude.join(", ")}`)
  }
  return new Set(selected.map(({ index }) => index))
}

function dataFiles({ files }: Metainfo["layout"]): Set<number> {
  const all = new Set<number>()
  for (const [index, { padding }] of files.entries()) if (!padding) all.add(index)
  return all
}

/** Among so many files it would not be noticed that one is not there, or is there that was not wanted. */
function refuseMisspelt(meanings: readonly Meaning[]): void {
  const nowhere = meanings.filter(({ files }) => files.length === 0).map(({ pattern }) => pattern)
  if (nowhere.length > 0) throw refusal(`no file of the dataset matches ${nowhere.join(", ")}`)
}

function isOneOf(meanings: readonly Meaning[]): (file: DataFile) => boolean {
  const all = new Set(meanings.flatMap(({ files }) => files))
  return (file) => all.has(file)
}

function isListed(selectOnly: Magnet["selectOnly"]): (file: DataFile) => boolean {
  return ({ number }) => selectOnly?.some(({ first, last }) => first <= number && number <= last) ?? true
}

/**
 * The numbers of the layout's files in magnet links. Those of a v2 torrent count as if there was padding behind each file that
 * ends inside a piece, as in a hybrid: BEP 53 does not say so, but libtorrent writes and reads them like that.
 */
function fileNumbers({ layout, version }: Pick<Metainfo, "layout" | "version">): number[] {
  let next = 0
  return layout.files.map(({ length }) => {
    const number = next
    next += version === "v2" && length % layout.pieceLength > 0 ? 2 : 1
    return number
  })
}

function refusal(message: string): AtError {
  return new AtError("AT_INVALID_INPUT", message, { hint: "compare with what `dataset.files` lists" })
}

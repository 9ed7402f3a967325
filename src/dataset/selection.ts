import picomatch from "picomatch"
import { AtError } from "../errors.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import type { Magnet } from "../metainfo/magnet.js"

/**
 * Which files of a dataset are wanted: globs that match paths inside the dataset (with `**` and `{a,b}`), or folders, which mean
 * everything in them.
 */
export interface FileChoice {
  /**
   * Only files that match one of these. Default, and if empty: all files. A pattern without `/` matches names of files and
   * folders at any depth.
   */
  readonly include?: readonly string[] | undefined
  /** Not the files that match one of these. Default: none. */
  readonly exclude?: readonly string[] | undefined
}

/**
 * The files that a choice means, as indexes into `layout.files`. Where it names none to include, those of `selectOnly`
 * (a magnet link's, BEP 53), if there is any.
 *
 * @throws AtError `AT_INVALID_INPUT` when it means none
 */
export function selectFiles(
  layout: TorrentLayout,
  choice: FileChoice,
  selectOnly: Magnet["selectOnly"] = null,
): Set<number> {
  const include = choice.include ?? []
  const included = include.length === 0 ? () => true : matcher(include)
  const only = include.length === 0 ? selectOnly : null
  const isListed = (index: number): boolean => only?.some(({ first, last }) => first <= index && index <= last) ?? true
  const excluded = matcher(choice.exclude ?? [])
  const selected = new Set<number>()
  layout.files.forEach((file, index) => {
    if (!file.padding && isListed(index) && included(file.path) && !excluded(file.path)) selected.add(index)
  })
  if (selected.size === 0 && layout.files.some((file) => !file.padding)) {
    const choiceInWords = include.join(", ") || (only === null ? "the choice" : "the numbers in the magnet link (so=…)")
    throw new AtError("AT_INVALID_INPUT", `no file of the dataset matches ${choiceInWords}`, {
      hint: "list the files with: academictorrents info TARGET --files",
    })
  }
  return selected
}

function matcher(globs: readonly string[]): (path: string) => boolean {
  const matches = globs.map(compile)
  return (path) => matches.some((match) => match(path))
}

function compile(glob: string): (path: string) => boolean {
  const rooted = glob.replace(/^\.?\//, "")
  const pattern = rooted.replace(/\/$/, "/**")
  const isInside = insideOf(rooted.replace(/\/$/, ""))
  try {
    const isMatch = picomatch(pattern, { dot: true, basename: !pattern.includes("/"), nonegate: true })
    return (path) => isMatch(path) || isInside(path)
  } catch (cause) {
    // Empty, or longer than any path.
    throw new AtError("AT_INVALID_INPUT", `"${glob.slice(0, 100)}" is not a valid pattern`, {
      hint: "write the path of a file, or a glob like *.csv or train/**",
      cause,
    })
  }
}

/** Whether a path leads through the folder: one of that path, or anywhere of that name. Globs mean folders only with `/**`. */
function insideOf(folder: string): (path: string) => boolean {
  if (folder.includes("/")) return (path) => path.startsWith(`${folder}/`)
  return (path) => `/${path}`.includes(`/${folder}/`)
}

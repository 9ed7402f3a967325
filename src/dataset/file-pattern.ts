import picomatch from "picomatch"
import { AtError } from "../errors.js"

export interface NamedFile {
  /** Made safe. */
  readonly path: string
  /** As the author wrote it. */
  readonly rawPath: string
}

/**
 * The files that a pattern means. What is the name of something in the dataset means just that, whatever characters it has:
 * first as we call it, then as its author does.
 */
export function filesMatching<File extends NamedFile>(pattern: string, files: readonly File[]): File[] {
  const rooted = pattern.replace(/^\.?\//, "")
  const isNamed = byName(rooted)
  const named = files.filter(({ path }) => isNamed(path))
  if (named.length > 0) return named
  const namedByAuthor = files.filter(({ rawPath }) => isNamed(rawPath))
  if (namedByAuthor.length > 0) return namedByAuthor
  const isMatch = byGlob(rooted)
  return files.filter(({ path, rawPath }) => isMatch(path) || isMatch(rawPath))
}

/** Whether a pattern can mean more than one name. */
export function isGlob(pattern: string): boolean {
  return /[*?[{|]/.test(pattern)
}

/** Whether a path is the file's or leads through the folder: of that path or, if the name has no slash in it, anywhere. */
function byName(pattern: string): (path: string) => boolean {
  const name = pattern.replace(/\/$/, "")
  // With a slash behind it, it is only a folder's.
  const end = name === pattern ? "/" : ""
  if (name.includes("/")) return (path) => `${path}${end}`.startsWith(`${name}/`)
  return (path) => `/${path}${end}`.includes(`/${name}/`)
}

function byGlob(pattern: string): (path: string) => boolean {
  const glob = pattern.replace(/\/$/, "/**")
  try {
    return picomatch(glob, { dot: true, basename: !glob.includes("/"), nonegate: true })
  } catch (cause) {
    // Empty, or longer than any path.
    throw new AtError("AT_INVALID_INPUT", `"${pattern.slice(0, 100)}" is not a valid pattern`, {
      hint: "write the path of a file, or a glob like *.csv or train/**",
      cause,
    })
  }
}

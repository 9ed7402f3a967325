import { AtError } from "../errors.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import { foldCase, isStateFolder } from "../metainfo/safe-element.js"
import type { Disk } from "../ports/disk.js"
import { type DataFile, dataFiles, looksUnfinished, safelyNamed, UNFINISHED } from "./data-file.js"
import { ListedNames } from "./listed-names.js"
import { inParallel, PARALLEL_LOOKS } from "./parallel.js"

/**
 * What leads elsewhere than to a name in a folder, or could not be read as UTF-8. A backslash may be part of a name, but where it
 * divides folders it must not lead upwards either.
 */
const NO_NAME = /[/\0\ufffd]|(?:^|\\)\.{0,2}(?:\\|$)/

/**
 * The dataset's files below `root`, each at the place that it keeps for as long as they are open: under its safe name or,
 * where only that is there, under the name that the author gave it. Safe names are ours; the data of an author has his own
 * (`12:00.csv`), and must not be had twice, side by side.
 */
export async function placeFiles(
  disk: Pick<Disk, "stat" | "list">,
  metainfo: Metainfo,
  root: string,
): Promise<(DataFile | undefined)[]> {
  const paths = metainfo.layout.files.map(({ path }) => path)
  for (const [index, path] of await underAuthorsNames(disk, metainfo, root)) paths[index] = path
  return dataFiles(metainfo.layout, metainfo.kind, root, paths)
}

/**
 * As {@link placeFiles}, in a datastore.
 * @throws AtError `AT_EXISTS` when all of it is there under the author's name, which the dataset can't have here
 */
export async function placeInDatastore(
  disk: Pick<Disk, "stat" | "list">,
  metainfo: Metainfo,
  datastore: string,
): Promise<(DataFile | undefined)[]> {
  const { name, rawName } = metainfo
  const root = `${datastore}/${name}`
  const theirs = `${datastore}/${rawName}`
  if (rawName !== name && !NO_NAME.test(rawName) && !isStateFolder(rawName)) {
    const names = new ListedNames(disk, datastore)
    if ((await names.has(theirs)) && !(await names.has(root)) && !(await names.has(root + UNFINISHED))) {
      throw new AtError("AT_EXISTS", `${theirs} has the author's name; here the dataset is called ${name}`, {
        hint: `rename it to ${name}, or share or verify it where it is, with \`data\``,
      })
    }
  }
  return placeFiles(disk, metainfo, root)
}

/** The paths below `root` of files (by index) that have their authors' names there, and nothing under their safe ones. */
async function underAuthorsNames(
  disk: Pick<Disk, "stat" | "list">,
  metainfo: Metainfo,
  root: string,
): Promise<Map<number, string>> {
  const found = new Map<number, string>()
  if (metainfo.kind === "file") return found
  const names = new ListedNames(disk, root)
  const has = (path: string): Promise<boolean> => names.has(`${root}/${path}`)
  const stands = async (path: string, unfinished: string): Promise<boolean> =>
    (await has(path)) || (await has(unfinished + UNFINISHED))
  const there: [number, string][] = []
  await inParallel(namedOtherwise(metainfo), PARALLEL_LOOKS, async ([index, theirs]) => {
    const { path } = metainfo.layout.files[index]!
    if (!(await stands(theirs, safelyNamed(theirs, path))) || (await stands(path, path))) return
    if ((await disk.stat(`${root}/${theirs}`))?.kind !== "directory") there.push([index, theirs])
  })
  if (there.length === 0) return found
  // One file must not be taken for two: `A` and `a` are one on some systems.
  const inode = async (path: string): Promise<bigint | undefined> => (await disk.stat(`${root}/${path}`))?.inode
  const owners = new Map(metainfo.layout.files.map(({ path }) => [foldCase(path), path]))
  for (const [index, theirs] of there.sort(([a], [b]) => a - b)) {
    const owner = owners.get(foldCase(theirs))
    if (owner !== undefined && (await inode(owner)) === (await inode(theirs))) continue
    owners.set(foldCase(theirs), theirs)
    found.set(index, theirs)
  }
  return found
}

/** The author's paths that differ from ours, but for those that we would not follow, or that an unfinished file of ours could have. */
function* namedOtherwise({ layout, renamed }: Metainfo): Generator<[index: number, path: string]> {
  for (const [index, elements] of renamed) {
    if (layout.files[index]!.padding || elements.length === 0) continue
    const theirs = elements.join("/")
    if (!looksUnfinished(theirs) && !elements.some((element) => NO_NAME.test(element))) yield [index, theirs]
  }
}

import { AtError } from "../errors.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import { followLink } from "../node/follow-link.js"
import { type Disk, DiskError } from "../ports/disk.js"

/**
 * Where the data is that a user named by its place. The one file of a dataset may be named by a link, which is followed,
 * as none is that the user did not name, or by the folder it lies in.
 *
 * @throws AtError `AT_INVALID_INPUT` when nothing is there
 */
export async function findData(
  disk: Pick<Disk, "stat">,
  { kind, name, rawName }: Pick<Metainfo, "kind" | "name" | "rawName">,
  path: string,
): Promise<string> {
  const there = await kindOf(disk, path)
  if (there === "nothing") {
    throw new AtError("AT_INVALID_INPUT", `there is nothing at ${path}`, {
      hint: "give the path of the dataset's file or folder with `data`",
    })
  }
  if (kind === "folder") return path
  const place = there === "symlink" ? await followLink(path) : path
  if ((await kindOf(disk, place)) !== "directory") return place
  // The author's own data may have the name that is only his.
  const names = rawName.includes("/") ? [name] : [name, rawName]
  for (const inside of names.map((file) => `${place}/${file}`)) {
    if ((await kindOf(disk, inside)) === "file") return inside
  }
  return place
}

/** Undefined when it can't be seen what is there. */
async function kindOf(disk: Pick<Disk, "stat">, path: string): Promise<string | undefined> {
  try {
    return (await disk.stat(path))?.kind ?? "nothing"
  } catch (error) {
    if (error instanceof DiskError) return undefined
    throw error
  }
}

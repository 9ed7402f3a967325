import { createHash } from "node:crypto"
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"

/** Inputs on which a target once failed, one file each. */
export async function readCorpus(root: string, target: string): Promise<{ name: string; input: Uint8Array }[]> {
  const folder = join(root, target)
  let names: string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return []
    throw error
  }
  return Promise.all(
    names.sort().map(async (name) => ({ name, input: new Uint8Array(await readFile(join(folder, name))) })),
  )
}

/** Keeps an input; its path. */
export async function keep(root: string, target: string, input: Uint8Array): Promise<string> {
  const folder = join(root, target)
  await mkdir(folder, { recursive: true })
  const path = join(folder, createHash("sha1").update(input).digest("hex").slice(0, 12))
  await writeFile(path, input)
  return path
}

import * as fs from "node:fs"
import { dirname } from "node:path"
import { toDiskError } from "./disk-error.js"
import { errnoOf } from "./errno.js"

/**
 * Makes a folder and those above it; fine when it is there.
 *
 * Not with Node's `recursive`: where the system lets nobody make a folder and says ENOENT, as below `/proc` and where homes
 * are mounted on demand, Node 20 tries again for ever.
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    const above = dirname(path)
    if (errnoOf(error) === "ENOENT" && above !== path) {
      await makeDirectory(above)
      await makeOne(path)
    } else if (!(await isDirectory(path))) throw toDiskError(error, "make the folder", path)
  }
}

async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    // Somebody else may have been faster.
    if (!(await isDirectory(path))) throw toDiskError(error, "make the folder", path)
  }
}

/** As {@link makeDirectory}, all at once. Throws Node's own errors. */
export function makeDirectorySync(path: string): void {
  try {
    fs.mkdirSync(path)
  } catch (error) {
    const above = dirname(path)
    if (errnoOf(error) === "ENOENT" && above !== path) {
      makeDirectorySync(above)
      fs.mkdirSync(path)
    } else if (errnoOf(error) !== "EEXIST") throw error
  }
}

function isDirectory(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    fs.stat(path, (error, stats) => resolve(error === null && stats.isDirectory()))
  })
}

// Not `node:fs/promises`: loading it takes milliseconds that a short command feels.
function mkdir(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.mkdir(path, (error) => (error === null ? resolve() : reject(error)))
  })
}

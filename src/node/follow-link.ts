import { realpath } from "node:fs"

/** Where a symbolic link leads; the path itself when that is nowhere. */
export function followLink(path: string): Promise<string> {
  return new Promise((resolve) => {
    realpath(path, (error, target) => resolve(error === null ? target : path))
  })
}

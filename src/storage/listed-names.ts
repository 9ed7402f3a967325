import { type Disk, DiskError } from "../ports/disk.js"
import { parentOf } from "./directories.js"

const NONE: ReadonlySet<string> = new Set()

/**
 * What has exactly these names in the folders below one that is trusted. Asked for by another spelling (`a` for `A`, `a.` for
 * `a`), some systems find something, too. Links are not followed, and what can't be listed counts as empty.
 */
export class ListedNames {
  readonly #disk: Pick<Disk, "stat" | "list">
  readonly #root: string
  readonly #folders = new Map<string, Promise<ReadonlySet<string>>>()

  constructor(disk: Pick<Disk, "stat" | "list">, root: string) {
    this.#disk = disk
    this.#root = root
  }

  /** `path` is absolute, and below the root. */
  async has(path: string): Promise<boolean> {
    const folder = parentOf(path)
    let names = this.#folders.get(folder)
    if (names === undefined) {
      names = this.#list(folder)
      this.#folders.set(folder, names)
    }
    return (await names).has(path.slice(folder.length + 1))
  }

  async #list(folder: string): Promise<ReadonlySet<string>> {
    try {
      if (folder !== this.#root) {
        if (!(await this.has(folder)) || (await this.#disk.stat(folder))?.kind !== "directory") return NONE
      }
      return new Set(await this.#disk.list(folder))
    } catch (error) {
      if (error instanceof DiskError) return NONE
      throw error
    }
  }
}

import type { Disk } from "../ports/disk.js"
import { somethingThere, unsafePath } from "./disk-fault.js"

/** The folder that a path lies in. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/")
  return slash <= 0 ? "/" : path.slice(0, slash)
}

/**
 * The folders below one that is trusted. Each is looked at once: a symbolic link among them could lead what we write
 * anywhere, so there must be none.
 */
export class Directories {
  readonly #disk: Disk
  readonly #base: string
  /** Hears in which folder a new one was made. */
  onCreated: (parent: string) => void
  readonly #seen = new Map<string, Promise<"there" | "absent">>()

  /** `base` exists. */
  constructor(options: { disk: Disk; base: string; onCreated: (parent: string) => void }) {
    this.#disk = options.disk
    this.#base = options.base
    this.onCreated = options.onCreated
  }

  /**
   * Makes the folder and those above it, as far as they are absent.
   * @throws AtError `AT_UNSAFE_PATH` for a link, `AT_EXISTS` for a file in the way
   */
  async ensure(folder: string): Promise<void> {
    if ((await this.inspect(folder)) === "there") return
    const parent = parentOf(folder)
    await this.ensure(parent)
    // Several files may want the same folder at once: who comes first makes it.
    if ((await this.inspect(folder)) === "there") return
    const made = this.#make(folder, parent)
    this.#remember(folder, made)
    await made
  }

  /** Whether it is there. @throws AtError as {@link ensure} does */
  inspect(folder: string): Promise<"there" | "absent"> {
    if (folder.length <= this.#base.length) return Promise.resolve("there")
    const known = this.#seen.get(folder)
    if (known !== undefined) return known
    const found = this.#look(folder)
    this.#remember(folder, found)
    return found
  }

  #remember(folder: string, state: Promise<"there" | "absent">): void {
    this.#seen.set(folder, state)
    state.catch(() => {
      if (this.#seen.get(folder) === state) this.#seen.delete(folder)
    })
  }

  async #look(folder: string): Promise<"there" | "absent"> {
    if ((await this.inspect(parentOf(folder))) === "absent") return "absent"
    const found = await this.#disk.stat(folder)
    if (found === undefined) return "absent"
    if (found.kind === "symlink") throw unsafePath(folder)
    if (found.kind !== "directory") throw somethingThere(folder, "a file stands where a folder is due")
    return "there"
  }

  async #make(folder: string, parent: string): Promise<"there"> {
    await this.#disk.makeDirectory(folder)
    this.onCreated(parent)
    return "there"
  }
}

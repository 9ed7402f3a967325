import type { Disk } from "../ports/disk.js"
import { otherKindThere, unsafePath } from "./disk-fault.js"

/** The folder that a path lies in. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/")
  return slash <= 0 ? "/" : path.slice(0, slash)
}

/**
 * The folders below one that is trusted. Each is looked at before its first use: a symbolic link among them could lead what we write
 * anywhere, so there must be none.
 */
export class Directories {
  readonly #disk: Disk
  readonly #base: string
  /** Hears of {@link changed} folders. */
  onChanged: (folder: string) => void
  readonly #ensured = new Map<string, Promise<void>>()
  readonly #seen = new Map<string, Promise<"there" | "absent">>()

  /** `base` exists. */
  constructor(options: { disk: Disk; base: string; onChanged?: (folder: string) => void }) {
    this.#disk = options.disk
    this.#base = options.base
    this.onChanged = options.onChanged ?? (() => {})
  }

  /**
   * Makes the folder and those above it, as far as they are absent.
   * @throws AtError `AT_UNSAFE_PATH` for a link, `AT_EXISTS` for a file in the way
   */
  ensure(folder: string): Promise<void> {
    if (folder.length <= this.#base.length) return Promise.resolve()
    let ensured = this.#ensured.get(folder)
    if (ensured === undefined) {
      ensured = this.#ensure(folder)
      this.#ensured.set(folder, ensured)
      ensured.catch(() => this.#ensured.delete(folder))
    }
    return ensured
  }

  /** The folder and those above it, up to the base. */
  *upFrom(folder: string): Generator<string> {
    for (let at = folder; at.length >= this.#base.length; at = parentOf(at)) {
      yield at
      if (at === "/") return
    }
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

  /** Something was made or renamed in the folder, which is not durable yet. */
  changed(folder: string): void {
    this.onChanged(folder)
  }

  /** The folder and those above it may be gone: they are looked at anew. */
  forget(folder: string): void {
    for (const above of this.upFrom(folder)) {
      this.#ensured.delete(above)
      this.#seen.delete(above)
    }
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
    if (found.kind !== "directory") throw otherKindThere(folder, "there is a file where a folder is needed")
    return "there"
  }

  async #ensure(folder: string): Promise<void> {
    const parent = parentOf(folder)
    await this.ensure(parent)
    if ((await this.inspect(folder)) === "absent") {
      await this.#disk.makeDirectory(folder)
      this.#remember(folder, Promise.resolve("there"))
    }
    // Also when it was there: a process that was killed may have made it, and it is not durable yet.
    this.changed(parent)
  }
}

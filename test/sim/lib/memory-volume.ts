import { DiskError, type OpenMode } from "../../../src/ports/disk.js"
import { MemoryFile, PAGE } from "./memory-file.js"
import { MemoryDirectory, MemoryLink, type MemoryNode, MemoryTree } from "./memory-tree.js"
import type { SimRandom } from "./sim-random.js"

/** Names, files and space, changed at once: what lies under {@link MemoryDisk}, which adds time, faults and the port. */
export class MemoryVolume {
  /** Bytes that new pages may still take. */
  free: number
  readonly tree: MemoryTree
  readonly #now: () => bigint

  /** `now`: nanoseconds since 1970, for the stamps of files. */
  constructor(free: number, now: () => bigint, tree = new MemoryTree(now())) {
    this.free = free
    this.#now = now
    this.tree = tree
  }

  open(path: string, mode: OpenMode): MemoryFile {
    const { directory, name, node } = this.tree.place(path)
    if (node !== undefined && mode === "create-new") throw new DiskError("exists", path, `${path}: exists`)
    if (node instanceof MemoryLink) throw new DiskError("link", path, `${path}: a symbolic link`)
    if (node instanceof MemoryDirectory) throw new DiskError("io", path, `${path}: a directory`)
    if (node !== undefined) return node
    if (mode === "read" || mode === "write") throw new DiskError("missing", path, `${path}: no such file`)
    const file = this.newFile()
    this.tree.change(this.#now(), { directory, name, node: file })
    return file
  }

  rename(from: string, to: string): void {
    const source = this.tree.place(from)
    const target = this.tree.place(to)
    if (source.node === undefined) throw new DiskError("missing", from, `${from}: nothing to rename`)
    if (target.node === source.node) return
    checkReplacement(source.node, target.node, to)
    this.#release(target.node)
    this.tree.change(
      this.#now(),
      { directory: source.directory, name: source.name, node: undefined },
      { directory: target.directory, name: target.name, node: source.node },
    )
  }

  remove(path: string): void {
    const node = this.find(path)
    if (node === undefined) return
    if (node instanceof MemoryDirectory) throw new DiskError("io", path, `${path}: is a directory`)
    this.#release(node)
    this.#unlink(path)
  }

  removeDirectory(path: string): void {
    const node = this.find(path)
    if (node === undefined) return
    if (!(node instanceof MemoryDirectory)) throw new DiskError("not-directory", path, `${path}: not a directory`)
    if (node.entries.size > 0) throw new DiskError("exists", path, `${path}: not empty`)
    this.#unlink(path)
  }

  /** `safe`: no crash undoes it. */
  makeDirectory(path: string, how: "logged" | "safe"): void {
    const names = path.split("/").filter((name) => name !== "")
    for (let depth = 1; depth <= names.length; depth++) {
      const { directory, name, node } = this.tree.place(`/${names.slice(0, depth).join("/")}`)
      if (node instanceof MemoryFile) throw new DiskError(depth < names.length ? "not-directory" : "exists", path, path)
      if (node !== undefined) continue
      const made = new MemoryDirectory(this.tree.newInode(), this.#now())
      if (how === "logged") this.tree.change(this.#now(), { directory, name, node: made })
      else directory.entries.set(name, made)
    }
  }

  /** Puts a file or a link there that no crash undoes. */
  put(path: string, node: MemoryFile | MemoryLink): void {
    this.makeDirectory(path.slice(0, path.lastIndexOf("/")), "safe")
    const { directory, name, node: old } = this.tree.place(path)
    this.#release(old)
    if (node instanceof MemoryFile) this.free -= node.allocated
    directory.entries.set(name, node)
  }

  newFile(inode = this.tree.newInode()): MemoryFile {
    return new MemoryFile(inode, this.#now())
  }

  newLink(target: string): MemoryLink {
    return new MemoryLink(target, this.tree.newInode(), this.#now())
  }

  /** What stands there; undefined also when the way there is missing. */
  find(path: string): MemoryNode | undefined {
    try {
      return this.tree.place(path).node
    } catch (error) {
      if (error instanceof DiskError && error.failure === "missing") return undefined
      throw error
    }
  }

  /** Writes what there is space for; returns how much that was. */
  write(file: MemoryFile, data: Uint8Array, position: number): number {
    let length = data.length
    if (file.growth(position, length) > this.free) {
      for (length = 0; length < data.length; length += PAGE - ((position + length) % PAGE)) {
        const part = Math.min(data.length, length + PAGE - ((position + length) % PAGE))
        if (file.growth(position, part) > this.free) break
      }
      length = Math.min(length, data.length)
    }
    if (length === 0) return 0
    this.free -= file.growth(position, length)
    file.write(data.subarray(0, length), position)
    file.mtimeNs = this.#now()
    return length
  }

  truncate(file: MemoryFile, length: number): void {
    const before = file.allocated
    file.truncate(length)
    this.free += before - file.allocated
    file.mtimeNs = this.#now()
  }

  copy(now: () => bigint): MemoryVolume {
    return new MemoryVolume(this.free, now, this.tree.copy())
  }

  /** See {@link MemoryFile.crash} and {@link MemoryTree.crash}. */
  crash(keep: number, random: SimRandom): void {
    const before = this.#allocated()
    for (const [, file] of [...this.tree.files()]) file.crash(keep, random)
    this.tree.crash(keep, random)
    this.free += before - this.#allocated()
  }

  #allocated(): number {
    return [...this.tree.files()].reduce((sum, [, file]) => sum + file.allocated, 0)
  }

  #unlink(path: string): void {
    const { directory, name } = this.tree.place(path)
    this.tree.change(this.#now(), { directory, name, node: undefined })
  }

  #release(node: unknown): void {
    if (node instanceof MemoryFile) this.free += node.allocated
  }
}

/** As rename(2): a file replaces no directory, a directory only an empty one. */
function checkReplacement(source: MemoryNode, target: MemoryNode | undefined, to: string): void {
  if (target === undefined) return
  const isDirectory = source instanceof MemoryDirectory
  if (!isDirectory && target instanceof MemoryDirectory) throw new DiskError("io", to, `${to}: is a directory`)
  if (isDirectory && !(target instanceof MemoryDirectory)) throw new DiskError("not-directory", to, `${to}: a file`)
  if (target instanceof MemoryDirectory && target.entries.size > 0)
    throw new DiskError("exists", to, `${to}: not empty`)
}

import { DiskError, type FileStat } from "../../../src/ports/disk.js"
import { MemoryFile } from "./memory-file.js"
import type { SimRandom } from "./sim-random.js"

export class MemoryDirectory {
  readonly entries = new Map<string, MemoryNode>()
  readonly inode: bigint
  mtimeNs: bigint

  constructor(inode: bigint, mtimeNs: bigint) {
    this.inode = inode
    this.mtimeNs = mtimeNs
  }
}

/** A symbolic link to an absolute path. */
export class MemoryLink {
  readonly target: string
  readonly inode: bigint
  readonly mtimeNs: bigint

  constructor(target: string, inode: bigint, mtimeNs: bigint) {
    this.target = target
    this.inode = inode
    this.mtimeNs = mtimeNs
  }
}

export type MemoryNode = MemoryFile | MemoryDirectory | MemoryLink

/** The entries one operation changed, and what they were: a rename changes two, at once or not at all. */
interface NameChange {
  readonly directory: MemoryDirectory
  readonly name: string
  readonly before: MemoryNode | undefined
  readonly after: MemoryNode | undefined
}

/** Where a path ends: the directory above it, and what stands there. */
export interface Place {
  readonly directory: MemoryDirectory
  readonly name: string
  readonly node: MemoryNode | undefined
}

/** Links followed on the way of one path, before it counts as a loop. */
const MAX_LINKS = 40

/**
 * Names and directories, with the changes that no `syncDirectory` has made safe yet, in their order: a journalling file
 * system brings back a prefix of them.
 */
export class MemoryTree {
  root: MemoryDirectory
  #log: NameChange[][] = []
  #nextInode = 2n

  constructor(mtimeNs: bigint) {
    this.root = new MemoryDirectory(1n, mtimeNs)
  }

  newInode(): bigint {
    return this.#nextInode++
  }

  /** @throws DiskError `missing` or `not-directory` when the way there does not exist */
  place(path: string, linksLeft = MAX_LINKS): Place {
    const parts = path.split("/").filter((part) => part !== "")
    const name = parts.pop()
    if (!path.startsWith("/") || parts.includes("..") || name === "..") throw new TypeError(`not a clean path: ${path}`)
    if (name === undefined) return { directory: this.root, name: ".", node: this.root }
    let directory = this.root
    for (const part of parts) directory = this.#enter(directory.entries.get(part), path, linksLeft)
    return { directory, name, node: directory.entries.get(name) }
  }

  directory(path: string): MemoryDirectory {
    return this.#enter(this.place(path).node, path, MAX_LINKS)
  }

  /** Changes entries as one step. */
  change(
    mtimeNs: bigint,
    ...changes: Array<{ directory: MemoryDirectory; name: string; node: MemoryNode | undefined }>
  ) {
    this.#log.push(
      changes.map(({ directory, name, node }) => {
        const before = directory.entries.get(name)
        setEntry(directory, name, node)
        directory.mtimeNs = mtimeNs
        return { directory, name, before, after: node }
      }),
    )
  }

  sync(directory: MemoryDirectory): void {
    this.#log = this.#log.filter((step) => !step.some((change) => change.directory === directory))
  }

  get isSafe(): boolean {
    return this.#log.length === 0
  }

  /** Undoes the last steps that were not synced; a random number of them stays when `keep` is above 0. */
  crash(keep: number, random: SimRandom): void {
    let kept = 0
    while (kept < this.#log.length && random.chance(keep)) kept++
    for (const step of this.#log.splice(kept).reverse()) {
      for (const { directory, name, before, after } of step.reverse()) {
        if (directory.entries.get(name) === after) setEntry(directory, name, before)
      }
    }
    this.#log = []
  }

  copy(): MemoryTree {
    const copies = new Map<MemoryNode, MemoryNode>()
    const copyNode = (node: MemoryNode): MemoryNode => {
      const known = copies.get(node)
      if (known !== undefined) return known
      const copy =
        node instanceof MemoryFile
          ? node.copy()
          : node instanceof MemoryLink
            ? node
            : new MemoryDirectory(node.inode, node.mtimeNs)
      copies.set(node, copy)
      if (node instanceof MemoryDirectory && copy instanceof MemoryDirectory) {
        for (const [name, child] of node.entries) copy.entries.set(name, copyNode(child))
      }
      return copy
    }
    const copyMaybe = (node: MemoryNode | undefined) => (node === undefined ? undefined : copyNode(node))
    const tree = new MemoryTree(this.root.mtimeNs)
    tree.root = copyNode(this.root) as MemoryDirectory
    tree.#nextInode = this.#nextInode
    tree.#log = this.#log.map((step) =>
      step.map(({ directory, name, before, after }) => ({
        directory: copyNode(directory) as MemoryDirectory,
        name,
        before: copyMaybe(before),
        after: copyMaybe(after),
      })),
    )
    return tree
  }

  /** Every file with its path, in the order of the paths. */
  *files(directory = this.root, above = ""): Generator<[path: string, file: MemoryFile]> {
    for (const [name, node] of [...directory.entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (node instanceof MemoryFile) yield [`${above}/${name}`, node]
      if (node instanceof MemoryDirectory) yield* this.files(node, `${above}/${name}`)
    }
  }

  #enter(node: MemoryNode | undefined, path: string, linksLeft: number): MemoryDirectory {
    if (node === undefined) throw new DiskError("missing", path, `${path}: no such place`)
    if (node instanceof MemoryDirectory) return node
    if (node instanceof MemoryFile) throw new DiskError("not-directory", path, `${path}: not a directory on the way`)
    if (linksLeft === 0) throw new DiskError("link", path, `${path}: links without end`)
    return this.#enter(this.place(node.target, linksLeft - 1).node, path, linksLeft - 1)
  }
}

/** What `stat` says of a node. */
export function statOf(node: MemoryNode): FileStat {
  const size = node instanceof MemoryFile ? node.size : node instanceof MemoryLink ? node.target.length : 0
  const kind = node instanceof MemoryFile ? "file" : node instanceof MemoryLink ? "symlink" : "directory"
  const allocated = node instanceof MemoryFile ? node.allocated : 0
  const bornNs = node instanceof MemoryFile ? node.bornNs : 0n
  return { kind, size, mtimeNs: node.mtimeNs, inode: node.inode, bornNs, allocated, links: 1 }
}

function setEntry(directory: MemoryDirectory, name: string, node: MemoryNode | undefined): void {
  if (node === undefined) directory.entries.delete(name)
  else directory.entries.set(name, node)
}

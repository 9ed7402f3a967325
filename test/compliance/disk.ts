import { describe, expect } from "vitest"
import { type Disk, DiskError, type DiskFailure, type FileHandle, type OpenMode } from "../../src/ports/disk.js"
import { concat, fingerprint } from "../support/bytes.js"
import { holds, type MakeStage } from "./stage.js"

export interface DiskSubject {
  readonly disk: Disk
  /** A folder that exists and is empty. */
  readonly root: string
  /** Makes a symbolic link, which the port can't. */
  link(path: string, target: string): void
  /** The path of a file that takes no more bytes; absent where none can be had. */
  readonly fullFile: string | undefined
}

const MODES: readonly OpenMode[] = ["read", "write", "create", "create-new"]

/** The operation fails with a DiskError of that kind. */
async function refused(operation: Promise<unknown>, failure: DiskFailure): Promise<void> {
  const error: unknown = await operation.then(
    () => "done",
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(DiskError)
  expect(error).toMatchObject({ failure, path: expect.any(String) as string })
}

function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * seed + (i >> 8)) & 0xff
  return bytes
}

async function put(disk: Disk, path: string, data: Uint8Array): Promise<void> {
  const file = await disk.open(path, "create")
  await file.truncate(0)
  await file.write([data], 0)
  await file.close()
}

async function contents(disk: Disk, path: string): Promise<Uint8Array> {
  const file = await disk.open(path, "read")
  const { size } = await file.stat()
  const data = await readAt(file, size + 10, 0)
  await file.close()
  expect(data.length).toBe(size)
  return data
}

async function readAt(file: FileHandle, length: number, position: number): Promise<Uint8Array> {
  const into = new Uint8Array(length).fill(0xee)
  const count = await file.read(into, position)
  expect(into.subarray(count).every((byte) => byte === 0xee)).toBe(true)
  return into.subarray(0, count)
}

/** What `src/ports/disk.ts` promises. */
export function describeDiskCompliance(name: string, make: MakeStage<DiskSubject>): void {
  describe(`disk of ${name}: files`, () => {
    holds("opens by its modes", make, async ({ disk, root }) => {
      const path = `${root}/file`
      await refused(disk.open(path, "read"), "missing")
      await refused(disk.open(path, "write"), "missing")
      expect(await disk.stat(path)).toBeUndefined()
      for (const mode of ["create-new", "create", "write"] as const) {
        const file = await disk.open(path, mode)
        const before = await readAt(file, 10, 0)
        expect(before).toEqual(mode === "create-new" ? new Uint8Array(0) : pattern(5))
        await file.write([pattern(5)], 0)
        await file.close()
      }
      await refused(disk.open(path, "create-new"), "exists")
      const file = await disk.open(path, "read")
      await refused(file.write([pattern(5)], 0), "io")
      await file.close()
      expect(await contents(disk, path)).toEqual(pattern(5))
    })

    holds("needs the folder to be there, and to be a folder", make, async ({ disk, root }) => {
      await put(disk, `${root}/file`, pattern(3))
      for (const mode of MODES) {
        await refused(disk.open(`${root}/none/file`, mode), "missing")
        await refused(disk.open(`${root}/file/inside`, mode), "not-directory")
      }
    })

    holds("does not open a folder for writing", make, async ({ disk, root }) => {
      await disk.makeDirectory(`${root}/folder`)
      await refused(disk.open(`${root}/folder`, "write"), "io")
      await refused(disk.open(`${root}/folder`, "create"), "io")
      await refused(disk.open(`${root}/folder`, "create-new"), "exists")
    })

    holds("writes many chunks in their order, and reads any part back", make, async ({ disk, root }) => {
      const file = await disk.open(`${root}/file`, "create")
      const chunks = Array.from({ length: 3000 }, (_, i) => pattern(i % 50, i))
      const whole = concat(chunks)
      await file.write(chunks, 7)
      expect((await file.stat()).size).toBe(whole.length + 7)
      expect(fingerprint(await readAt(file, whole.length, 7))).toBe(fingerprint(whole))
      expect(await readAt(file, 100, 5000)).toEqual(whole.subarray(4993, 5093))
      await file.close()
    })

    holds("reads short at the end alone, and nothing beyond it", make, async ({ disk, root }) => {
      await put(disk, `${root}/file`, pattern(100))
      const file = await disk.open(`${root}/file`, "read")
      expect(await readAt(file, 100, 0)).toEqual(pattern(100))
      expect(await readAt(file, 100, 90)).toEqual(pattern(100).subarray(90))
      expect(await readAt(file, 100, 100)).toHaveLength(0)
      expect(await readAt(file, 100, 10_000)).toHaveLength(0)
      expect(await readAt(file, 0, 0)).toHaveLength(0)
      await file.close()
    })

    holds("reads zeros where nothing was written", make, async ({ disk, root }) => {
      const file = await disk.open(`${root}/file`, "create")
      await file.write([pattern(10)], 1_000_000)
      expect(fingerprint(await readAt(file, 1_000_000, 0))).toBe(fingerprint(new Uint8Array(1_000_000)))
      expect((await file.stat()).size).toBe(1_000_010)
      await file.close()
    })

    holds("changes nothing by writing nothing", make, async ({ disk, root }) => {
      const file = await disk.open(`${root}/file`, "create")
      await file.write([], 50)
      await file.write([new Uint8Array(0), new Uint8Array(0)], 50)
      expect((await file.stat()).size).toBe(0)
      await file.close()
    })

    holds("cuts and lengthens, with zeros for what is new", make, async ({ disk, root }) => {
      const file = await disk.open(`${root}/file`, "create")
      await file.write([pattern(10_000)], 0)
      await file.truncate(5000)
      expect(fingerprint(await readAt(file, 20_000, 0))).toBe(fingerprint(pattern(10_000).subarray(0, 5000)))
      await file.truncate(8000)
      expect(fingerprint(await readAt(file, 20_000, 5000))).toBe(fingerprint(new Uint8Array(3000)))
      await file.truncate(0)
      expect((await file.stat()).size).toBe(0)
      await file.close()
    })

    holds("takes shared memory for reads and writes", make, async ({ disk, root }) => {
      const shared = new Uint8Array(new SharedArrayBuffer(1000)).subarray(100, 900)
      shared.set(pattern(800))
      const file = await disk.open(`${root}/file`, "create")
      await file.write([shared.subarray(0, 300), shared.subarray(300)], 0)
      shared.fill(0)
      expect(await file.read(shared, 0)).toBe(800)
      expect([...shared]).toEqual([...pattern(800)])
      await file.close()
    })

    holds("keeps concurrent writes to different places apart", make, async ({ disk, root }) => {
      const file = await disk.open(`${root}/file`, "create")
      const data = pattern(200_000, 3)
      const places = Array.from({ length: 100 }, (_, i) => i * 2000)
      await Promise.all(
        places.map((at) => file.write([data.subarray(at, at + 500), data.subarray(at + 500, at + 2000)], at)),
      )
      await file.sync()
      expect(fingerprint(await readAt(file, data.length, 0))).toBe(fingerprint(data))
      await file.close()
    })

    holds("finishes what is under way before it closes, and refuses what comes later", make, async ({ disk, root }) => {
      const file = await disk.open(`${root}/file`, "create")
      const written = file.write([pattern(500_000)], 0)
      const closed = file.close()
      await refused(file.write([pattern(1)], 0), "io")
      await refused(file.read(new Uint8Array(1), 0), "io")
      await refused(file.sync(), "io")
      await Promise.all([written, closed])
      await file.close()
      expect(fingerprint(await contents(disk, `${root}/file`))).toBe(fingerprint(pattern(500_000)))
    })

    holds("goes on with an open file that was removed or renamed", make, async ({ disk, root }) => {
      for (const change of ["remove", "rename"] as const) {
        const file = await disk.open(`${root}/${change}`, "create")
        if (change === "remove") await disk.remove(`${root}/${change}`)
        else await disk.rename(`${root}/${change}`, `${root}/new`)
        await file.write([pattern(100)], 0)
        expect(await readAt(file, 100, 0)).toEqual(pattern(100))
        await file.close()
        expect(await disk.stat(`${root}/${change}`)).toBeUndefined()
      }
    })

    holds("says that it is full", make, async ({ disk, fullFile }, skip) => {
      const file = await disk.open(fullFile ?? skip("no full file here"), "write")
      await refused(file.write([pattern(100_000)], 0), "full")
      await refused(file.write([pattern(4096), pattern(4096)], 0), "full")
      await file.close()
    })
  })

  describe(`disk of ${name}: names`, () => {
    holds("says what stands at a path", make, async ({ disk, root, link }) => {
      await put(disk, `${root}/file`, pattern(1234))
      await disk.makeDirectory(`${root}/folder`)
      link(`${root}/link`, `${root}/file`)
      link(`${root}/dangling`, `${root}/none`)
      const file = await disk.stat(`${root}/file`)
      expect(file).toMatchObject({ kind: "file", size: 1234 })
      expect(file!.allocated).toBeGreaterThan(0)
      expect(file!.mtimeNs).toBeGreaterThan(BigInt(Date.UTC(2024, 0)) * 1_000_000n)
      expect(await disk.stat(`${root}/folder`)).toMatchObject({ kind: "directory" })
      expect(await disk.stat(`${root}/link`)).toMatchObject({ kind: "symlink" })
      expect(await disk.stat(`${root}/dangling`)).toMatchObject({ kind: "symlink" })
      expect(await disk.stat(`${root}/none`)).toBeUndefined()
      expect(await disk.stat(`${root}/none/deeper`)).toBeUndefined()
      await refused(disk.stat(`${root}/file/inside`), "not-directory")
      const handle = await disk.open(`${root}/file`, "read")
      expect(await handle.stat()).toEqual(file)
      await handle.close()
    })

    holds("refuses a link in the last place, and leaves alone what it leads to", make, async ({ disk, root, link }) => {
      await put(disk, `${root}/file`, pattern(10))
      link(`${root}/link`, `${root}/file`)
      link(`${root}/dangling`, `${root}/none`)
      for (const path of [`${root}/link`, `${root}/dangling`]) {
        for (const mode of ["read", "write", "create"] as const) await refused(disk.open(path, mode), "link")
        await refused(disk.open(path, "create-new"), "exists")
      }
      expect(await disk.stat(`${root}/none`)).toBeUndefined()
      await disk.remove(`${root}/link`)
      expect(await contents(disk, `${root}/file`)).toEqual(pattern(10))
    })

    holds("follows links on the way", make, async ({ disk, root, link }) => {
      await disk.makeDirectory(`${root}/real/deep`)
      link(`${root}/link`, `${root}/real`)
      await put(disk, `${root}/link/deep/file`, pattern(10))
      expect(await contents(disk, `${root}/real/deep/file`)).toEqual(pattern(10))
      expect(await disk.list(`${root}/link`)).toEqual(["deep"])
    })

    holds("makes folders with those above, as often as asked", make, async ({ disk, root }) => {
      await disk.makeDirectory(`${root}/a/b/c`)
      await disk.makeDirectory(`${root}/a/b/c`)
      await disk.makeDirectory(`${root}/a`)
      expect(await disk.stat(`${root}/a/b/c`)).toMatchObject({ kind: "directory" })
      await put(disk, `${root}/file`, pattern(1))
      await refused(disk.makeDirectory(`${root}/file`), "exists")
      await refused(disk.makeDirectory(`${root}/file/inside`), "not-directory")
    })

    holds("lists the names in a folder", make, async ({ disk, root }) => {
      expect(await disk.list(root)).toEqual([])
      await disk.makeDirectory(`${root}/folder`)
      await put(disk, `${root}/ünïcode name`, pattern(1))
      await put(disk, `${root}/.hidden`, pattern(1))
      expect((await disk.list(root)).sort()).toEqual([".hidden", "folder", "ünïcode name"])
      await refused(disk.list(`${root}/none`), "missing")
      await refused(disk.list(`${root}/.hidden`), "not-directory")
    })

    holds("renames, and replaces what stands there", make, async ({ disk, root }) => {
      await put(disk, `${root}/a`, pattern(10, 1))
      await put(disk, `${root}/b`, pattern(20, 2))
      const before = await disk.stat(`${root}/a`)
      await disk.rename(`${root}/a`, `${root}/b`)
      expect(await disk.list(root)).toEqual(["b"])
      expect(await contents(disk, `${root}/b`)).toEqual(pattern(10, 1))
      expect(await disk.stat(`${root}/b`)).toMatchObject({ inode: before!.inode, mtimeNs: before!.mtimeNs })
      await disk.makeDirectory(`${root}/folder/inner`)
      await disk.rename(`${root}/b`, `${root}/folder/inner/c`)
      await disk.rename(`${root}/folder`, `${root}/moved`)
      expect(await contents(disk, `${root}/moved/inner/c`)).toEqual(pattern(10, 1))
    })

    holds("makes many files in one go, and names them", make, async ({ disk, root, link }) => {
      const shared = new Uint8Array(new SharedArrayBuffer(50_000))
      shared.set(pattern(50_000))
      const files = Array.from({ length: 40 }, (_, i) => ({
        path: `${root}/${i}.part`,
        inode: undefined,
        position: 0,
        chunks: [shared.subarray(i, 1000 * i), shared.subarray(1000 * i, 1000 * i + 5), pattern(i)],
      }))
      const stats = await disk.writeFiles(files)
      shared.fill(0)
      for (const [i, { path }] of files.entries()) {
        const whole = concat([
          pattern(50_000).subarray(i, 1000 * i),
          pattern(50_000).subarray(1000 * i, 1000 * i + 5),
          pattern(i),
        ])
        expect(fingerprint(await contents(disk, path))).toBe(fingerprint(whole))
        expect(await disk.stat(path)).toEqual(stats[i])
      }
      await put(disk, `${root}/1`, pattern(1))
      link(`${root}/2`, `${root}/none`)
      const names = [0, 1, 2, 3].map((i) => ({ from: `${root}/${i}.part`, to: `${root}/${i}` }))
      names.push({ from: `${root}/none`, to: `${root}/x` }, { from: `${root}/4.part`, to: `${root}/none/x` })
      expect(await disk.nameFiles(names)).toEqual([true, false, false, true, false, false])
      expect(await disk.stat(`${root}/0`)).toEqual(stats[0])
      expect(await contents(disk, `${root}/1`)).toEqual(pattern(1))
      expect(await disk.stat(`${root}/4.part`)).toEqual(stats[4])
      expect(await disk.writeFiles([])).toEqual([])
      expect(await disk.nameFiles([])).toEqual([])
    })

    holds(
      "makes no file of a list where something stands, and the others all the same",
      make,
      async ({ disk, root, link }) => {
        await put(disk, `${root}/taken`, pattern(10))
        await disk.makeDirectory(`${root}/folder`)
        link(`${root}/link`, `${root}/none`)
        const paths = ["taken", "folder", "link", "absent/file", "taken/file", "free"]
        const chunks = [pattern(20)]
        const writes = paths.map((path) => ({ path: `${root}/${path}`, inode: undefined, position: 0, chunks }))
        const stats = await disk.writeFiles(writes)
        expect(stats.map((stat) => stat?.size)).toEqual([undefined, undefined, undefined, undefined, undefined, 20])
        expect(await contents(disk, `${root}/taken`)).toEqual(pattern(10))
        expect((await disk.list(root)).sort()).toEqual(["folder", "free", "link", "taken"])
      },
    )

    holds("writes to files of a list that are there, and to no others", make, async ({ disk, root, link }) => {
      const [path, other] = [`${root}/half`, `${root}/other`]
      const part = (inode: bigint | undefined, position: number, length: number) => ({
        path,
        inode,
        position,
        chunks: [pattern(length, position)],
      })
      const [second] = await disk.writeFiles([part(undefined, 30, 10)])
      expect(second).toMatchObject({ size: 40, kind: "file" })
      const [first] = await disk.writeFiles([part(second!.inode, 0, 30)])
      expect(await disk.stat(path)).toEqual(first)
      expect(await contents(disk, path)).toEqual(concat([pattern(30, 0), pattern(10, 30)]))
      await put(disk, other, pattern(1))
      link(`${root}/link`, other)
      await disk.rename(other, path)
      const writes = [part(first!.inode, 0, 10), { ...part(first!.inode, 0, 10), path: `${root}/link` }]
      writes.push({ ...part(first!.inode, 0, 10), path: `${root}/none` })
      expect(await disk.writeFiles(writes)).toEqual([undefined, undefined, undefined])
      expect(await contents(disk, path)).toEqual(pattern(1))
      expect((await disk.list(root)).sort()).toEqual(["half", "link"])
    })

    holds("does not rename what is not there, nor files over folders", make, async ({ disk, root }) => {
      await put(disk, `${root}/file`, pattern(1))
      await disk.makeDirectory(`${root}/folder/inner`)
      await disk.makeDirectory(`${root}/other`)
      await refused(disk.rename(`${root}/none`, `${root}/x`), "missing")
      await refused(disk.rename(`${root}/file`, `${root}/none/x`), "missing")
      await refused(disk.rename(`${root}/file`, `${root}/folder`), "io")
      await refused(disk.rename(`${root}/folder`, `${root}/file`), "not-directory")
      await refused(disk.rename(`${root}/other`, `${root}/folder`), "exists")
      expect((await disk.list(root)).sort()).toEqual(["file", "folder", "other"])
    })

    holds("tells files apart by their inodes", make, async ({ disk, root }) => {
      await put(disk, `${root}/a`, pattern(1))
      await put(disk, `${root}/b`, pattern(1))
      expect((await disk.stat(`${root}/a`))!.inode).not.toBe((await disk.stat(`${root}/b`))!.inode)
    })

    holds("says when a file was made, which neither a write nor a new name changes", make, async ({ disk, root }) => {
      await put(disk, `${root}/a`, pattern(1))
      const { bornNs } = (await disk.stat(`${root}/a`))!
      await put(disk, `${root}/a`, pattern(2))
      await disk.rename(`${root}/a`, `${root}/b`)
      expect((await disk.stat(`${root}/b`))!.bornNs).toBe(bornNs)
    })

    holds("removes a file, or finds it gone already, but no folder", make, async ({ disk, root }) => {
      await put(disk, `${root}/file`, pattern(1))
      await disk.remove(`${root}/file`)
      await disk.remove(`${root}/file`)
      await disk.remove(`${root}/none/file`)
      expect(await disk.list(root)).toEqual([])
      await disk.makeDirectory(`${root}/folder`)
      await expect(disk.remove(`${root}/folder`)).rejects.toBeInstanceOf(DiskError)
      expect(await disk.list(root)).toEqual(["folder"])
    })

    holds("removes a folder that is empty, or finds it gone already", make, async ({ disk, root }) => {
      await disk.makeDirectory(`${root}/folder/inner`)
      await refused(disk.removeDirectory(`${root}/folder`), "exists")
      await disk.removeDirectory(`${root}/folder/inner`)
      await disk.removeDirectory(`${root}/folder`)
      await disk.removeDirectory(`${root}/folder`)
      await put(disk, `${root}/file`, pattern(1))
      await refused(disk.removeDirectory(`${root}/file`), "not-directory")
      expect(await disk.list(root)).toEqual(["file"])
    })

    holds("syncs files and folders, knows the free space and the machine's start", make, async ({ disk, root }) => {
      const file = await disk.open(`${root}/file`, "create")
      await file.write([pattern(100)], 0)
      await file.sync()
      await file.close()
      await disk.syncDirectory(root)
      await refused(disk.syncDirectory(`${root}/none`), "missing")
      expect(await disk.freeBytes(root)).toBeGreaterThan(0)
      await refused(disk.freeBytes(`${root}/none`), "missing")
      expect(await disk.bootId()).toBe(await disk.bootId())
    })
  })
}

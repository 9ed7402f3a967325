import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { constants, tmpdir } from "node:os"
import { join } from "node:path"
import { getSystemErrorName } from "node:util"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { NodeDisk } from "../../../src/node/disk.js"
import { toDiskError } from "../../../src/node/disk-error.js"
import type { OpenMode } from "../../../src/ports/disk.js"
import { diskFault } from "../../../src/storage/disk-fault.js"

const disk = new NodeDisk()
let folder: string

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "at-disk-"))
})

afterEach(() => {
  fs.rmSync(folder, { recursive: true })
})

const MODES: readonly OpenMode[] = ["read", "write", "create", "create-new"]

describe("disk on Node", () => {
  it("writes many chunks in order, shared memory among them, and reads them back", async () => {
    const file = await disk.open(join(folder, "f"), "create")
    const shared = new Uint8Array(new SharedArrayBuffer(5)).fill(7)
    // More chunks than one system call takes.
    const chunks = [
      shared,
      ...Array.from({ length: 3000 }, (_, i) => Uint8Array.of(i & 0xff)),
      new Uint8Array(0),
      shared,
    ]
    await file.write(chunks, 3)
    await file.sync()
    const back = new Uint8Array(new SharedArrayBuffer(4000))
    expect(await file.read(back, 0)).toBe(3 + 5 + 3000 + 5)
    const expected = [0, 0, 0, ...chunks.flatMap((chunk) => [...chunk])]
    expect([...back.subarray(0, expected.length)]).toEqual(expected)
    await file.close()
  })

  it("writes chunks of more than one system call is given, byte for byte", async () => {
    const chunks = [700_000, 1_300_001, 3].map((length, i) =>
      new Uint8Array(length).map((_, at) => (at * 31 + i) & 0xff),
    )
    const file = await disk.open(join(folder, "f"), "create")
    await file.write(chunks, 5)
    await file.close()
    const written = fs.readFileSync(join(folder, "f")).subarray(5)
    expect(written.equals(Buffer.concat(chunks))).toBe(true)
  })

  it.each(MODES)("never opens what a symbolic link points to (%s)", async (mode) => {
    fs.writeFileSync(join(folder, "target"), "precious")
    fs.symlinkSync(join(folder, "target"), join(folder, "link"))
    await expect(disk.open(join(folder, "link"), mode)).rejects.toMatchObject({
      name: "DiskError",
      failure: mode === "create-new" ? "exists" : "link",
      path: join(folder, "link"),
    })
    expect(fs.readFileSync(join(folder, "target"), "utf8")).toBe("precious")
  })

  it("does not hang on a pipe's name", async () => {
    execFileSync("mkfifo", [join(folder, "pipe")])
    const pipe = await disk.open(join(folder, "pipe"), "read")
    await expect(pipe.read(new Uint8Array(1), 0)).rejects.toMatchObject({ failure: "io" })
    await pipe.close()
    expect(await disk.stat(join(folder, "pipe"))).toMatchObject({ kind: "other" })
  })

  it("leaves the rights of what it makes to the umask", async () => {
    const before = process.umask(0o027)
    try {
      await disk.makeDirectory(join(folder, "a/b"))
      await (await disk.open(join(folder, "a/b/f"), "create-new")).close()
    } finally {
      process.umask(before)
    }
    const rights = ["a", "a/b", "a/b/f"].map((path) => (fs.statSync(join(folder, path)).mode & 0o777).toString(8))
    expect(rights).toEqual(["750", "750", "640"])
  })

  it("closes a file only when the calls under way are done, and does nothing on it afterwards", async () => {
    const file = await disk.open(join(folder, "f"), "create")
    const data = new Uint8Array(4 * 1024 * 1024).fill(1)
    const write = file.write([data], 0)
    await file.close()
    expect(fs.statSync(join(folder, "f")).size).toBe(data.length)
    await write
    await expect(file.read(new Uint8Array(1), 0)).rejects.toMatchObject({ failure: "io" })
    await file.close()
  })

  it("tells in words what went wrong, with the path and the system's error as the cause", async () => {
    const path = join(folder, "absent")
    await expect(disk.open(path, "read")).rejects.toMatchObject({
      failure: "missing",
      message: `can't read ${path}: no such file or directory`,
      cause: { code: "ENOENT" },
    })
    fs.writeFileSync(join(folder, "f"), "")
    await expect(disk.open(join(folder, "f/g"), "create")).rejects.toMatchObject({ failure: "not-directory" })
    await expect(disk.makeDirectory(join(folder, "f"))).rejects.toMatchObject({ failure: "exists" })
    await expect(disk.rename(path, join(folder, "to"))).rejects.toMatchObject({ failure: "missing" })
  })

  it("says so when the system can't bring a file's bytes to the disk", async () => {
    const file = await disk.open("/dev/null", "write")
    await expect(file.sync()).rejects.toMatchObject({ failure: "io", path: "/dev/null" })
    await file.close()
  })

  it("leaves no descriptor open of the folders that it syncs", async ({ skip }) => {
    if (!fs.existsSync("/proc/self/fd")) skip("this system does not tell which are open")
    const open = (): number => fs.readdirSync("/proc/self/fd").length
    await disk.syncDirectory(folder)
    const before = open()
    for (let i = 0; i < 5; i++) await disk.syncDirectory(folder)
    expect(open()).toBe(before)
  })

  it("knows the kernel's name for this run of the machine", async ({ skip }) => {
    const source = "/proc/sys/kernel/random/boot_id"
    if (!fs.existsSync(source)) skip("this system has none")
    expect(await disk.bootId()).toBe(fs.readFileSync(source, "utf8").trim())
  })

  it("waits when the process has no descriptor left", async () => {
    fs.writeFileSync(join(folder, "f"), "x")
    const taken: number[] = []
    try {
      for (;;) taken.push(fs.openSync(join(folder, "f"), "r"))
    } catch (error) {
      expect(error).toMatchObject({ code: "EMFILE" })
    }
    const results = Promise.allSettled([disk.open(join(folder, "f"), "read"), disk.list(folder)])
    // They have tried and failed by then; nothing but time tells when they try again.
    await new Promise((resolve) => setTimeout(resolve, 30))
    for (const descriptor of taken) fs.closeSync(descriptor)
    const [opened, listed] = await results
    expect([opened.status, listed]).toEqual(["fulfilled", { status: "fulfilled", value: ["f"] }])
    if (opened.status === "fulfilled") await opened.value.close()
  })

  it("tells a quota that is used up from a disk that is full, and from one that is broken", () => {
    // No file system with quotas can be made here. This is what Node makes of the system's answer, for which it has no name.
    const errno = -constants.errno.EDQUOT
    const code = getSystemErrorName(errno)
    const error = Object.assign(new Error(`${code}: ${code}, write`), { errno, code, syscall: "write" })
    const { failure, message } = toDiskError(error, "write to", "/home/a/b")
    expect(failure).toBe("quota")
    expect(message).toBe("can't write to /home/a/b: disk quota exceeded")
    expect(diskFault(toDiskError(error, "write to", "/home/a/b"))).toMatchObject({ code: "AT_DISK_FULL" })
  })

  it("reports a full disk although the system first counts short, and loses nothing of what fits", async ({ skip }) => {
    if (process.getuid?.() !== 0 || process.platform !== "linux") skip("mounting a small disk takes root on Linux")
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=128k", "tmpfs", folder], { stdio: "ignore" })
    } catch {
      skip("mounting is not allowed here")
    }
    try {
      const free = await disk.freeBytes(folder)
      expect(free).toBe(128 * 1024)
      for (const chunks of [[200_000], [100_000, 100_000]]) {
        const path = join(folder, `f${chunks.length}`)
        const file = await disk.open(path, "create-new")
        const data = chunks.map((length) => new Uint8Array(length).fill(3))
        await expect(file.write(data, 0)).rejects.toMatchObject({ failure: "full", path })
        await file.truncate(0)
        await file.write([new Uint8Array(100_000)], 0)
        await file.close()
        await disk.remove(path)
      }
    } finally {
      execFileSync("umount", [folder])
    }
  })
})

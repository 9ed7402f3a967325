import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir, uptime } from "node:os"
import { join } from "node:path"
import { Worker } from "node:worker_threads"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { acquireLock } from "../../../src/node/lock-file.js"
import { currentProcess } from "../../../src/node/process-identity.js"
import { LockedError } from "../../../src/ports/lock.js"

const built = new URL("../../../dist/node/lock-file.js", import.meta.url)
if (!existsSync(built)) throw new Error("dist/ is absent: run `npm run build` first")

/** In milliseconds since 1970. */
const BEFORE_START = Date.now() - (uptime() + 60) * 1000

let folder: string
let path: string
const children: ChildProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "at-lock-"))
  path = join(folder, "lock")
})

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null && child.kill("SIGKILL")) await once(child, "exit")
  }
  rmSync(folder, { recursive: true })
})

/** A process that tries to take the lock whenever it is told to, and lets go when told to. */
const CHILD = `
import { acquireLock } from ${JSON.stringify(built.href)}
let lock
process.on("message", async ({ command, path }) => {
  try {
    if (command === "take") lock = await acquireLock(path)
    else await lock.release()
    process.send("ok")
  } catch (error) { process.send(error.code) }
})
process.send("ready")
`

async function startChild(): Promise<ChildProcess> {
  const script = join(folder, "child.mjs")
  writeFileSync(script, CHILD)
  const child = fork(script, { execArgv: [] })
  children.push(child)
  await once(child, "message")
  return child
}

async function tell(child: ChildProcess, command: "take" | "release"): Promise<unknown> {
  const answer = once(child, "message")
  child.send({ command, path })
  return (await answer)[0]
}

const leftovers = (): string[] => readdirSync(folder).filter((name) => name !== "child.mjs")

describe("lock file", () => {
  it("is held until it is let go, and leaves nothing behind", async () => {
    const lock = await acquireLock(path)
    expect(leftovers()).toEqual(["lock"])
    await expect(acquireLock(path)).rejects.toMatchObject({
      code: "AT_LOCKED",
      message: expect.stringMatching(/this process is using it/),
    })
    await lock.release()
    await lock.release()
    expect(leftovers()).toEqual([])
    await (await acquireLock(path)).release()
  })

  it("names the process that holds it", async () => {
    const child = await startChild()
    expect(await tell(child, "take")).toBe("ok")
    await expect(acquireLock(path)).rejects.toMatchObject({
      code: "AT_LOCKED",
      message: `${path} is locked: process ${child.pid} is using it`,
      hint: `wait for it with \`wait\`, or stop process ${child.pid}`,
    })
    expect(await tell(child, "release")).toBe("ok")
    await (await acquireLock(path)).release()
  })

  it("is taken over from a process that was killed", async () => {
    const child = await startChild()
    expect(await tell(child, "take")).toBe("ok")
    child.kill("SIGKILL")
    await once(child, "exit")
    const lock = await acquireLock(path)
    expect(leftovers()).toEqual(["lock"])
    await lock.release()
  })

  it("is held by a thread of this process until that lets go, or ends", async ({ skip }) => {
    const take = async (): Promise<Worker> => {
      const code = `import(${JSON.stringify(built.href)})
        .then(({ acquireLock }) => acquireLock(${JSON.stringify(path)}))
        .then(() => require("node:worker_threads").parentPort.on("message", () => {}).postMessage("taken"))`
      const worker = new Worker(code, { eval: true, execArgv: [] })
      await once(worker, "message")
      return worker
    }
    const worker = await take()
    try {
      const refused: unknown = await acquireLock(path).catch((error: unknown) => error)
      // It can be waited for, as one of another process.
      expect(refused).toBeInstanceOf(LockedError)
      expect(refused).toMatchObject({ message: expect.stringMatching(/another thread of this process is using it/) })
    } finally {
      await worker.terminate()
    }
    if (process.platform !== "linux") skip("the end of a thread shows in /proc alone")
    // The system may still be clearing it away.
    const lock = await vi.waitUntil(() => acquireLock(path).catch(() => undefined), { timeout: 10_000 })
    await lock!.release()
    expect(leftovers()).toEqual([])
  })

  it("is taken over when it was taken by an earlier process of the same number", async () => {
    writeFileSync(path, JSON.stringify({ ...currentProcess(), startTime: "1", token: "t" }))
    await (await acquireLock(path)).release()
    expect(leftovers()).toEqual([])
  })

  it("is taken over when it was taken before the machine's last start", async ({ skip }) => {
    const self = currentProcess()
    if (self.machineId === "") skip("this machine has no id")
    writeFileSync(path, JSON.stringify({ ...self, bootId: "another", time: BEFORE_START, token: "t" }))
    await (await acquireLock(path)).release()
    expect(leftovers()).toEqual([])
  })

  it.each([
    { what: "that has another id", change: { machineId: "another", time: BEFORE_START } },
    // As in many containers, and in locks of older versions.
    { what: "that has no id", change: { machineId: undefined, time: BEFORE_START } },
    { what: "whose id was copied, and that runs since before the lock was taken", change: {} },
  ])("is not taken from a machine of the same name $what", async ({ change }) => {
    const other = { ...currentProcess(), bootId: "another", ...change, token: "t" }
    writeFileSync(path, JSON.stringify(other))
    await expect(acquireLock(path)).rejects.toMatchObject({
      code: "AT_LOCKED",
      hint: expect.stringContaining(`remove ${path}`) as unknown,
    })
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(other)
  })

  it.each([
    { what: "another machine", change: { host: "elsewhere", bootId: "another", time: BEFORE_START } },
    { what: "another container", change: { host: "elsewhere", pidNamespace: "pid:[1]" } },
  ])("is not taken from a process on $what, which can't be seen from here", async ({ change }) => {
    writeFileSync(path, JSON.stringify({ ...currentProcess(), ...change, pid: 2 ** 22 + 1, token: "t" }))
    await expect(acquireLock(path)).rejects.toMatchObject({
      code: "AT_LOCKED",
      message: expect.stringMatching(/on elsewhere is using it/),
      hint: expect.stringContaining(`remove ${path}`) as unknown,
    })
  })

  it.each(["", "\0\0\0\0", "{}", '{"pid":-1}'])("is taken over when only a wreck is there (%j)", async (wreck) => {
    writeFileSync(path, wreck)
    const lock = await acquireLock(path)
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ pid: process.pid })
    await lock.release()
    expect(leftovers()).toEqual([])
  })

  it("goes to one alone of many who find it stale at the same time, again and again", async () => {
    const contenders = await Promise.all(Array.from({ length: 4 }, startChild))
    for (let round = 0; round < 25; round++) {
      const stale = JSON.stringify({ ...currentProcess(), startTime: "1", token: `stale ${round}` })
      writeFileSync(path, stale)
      // Now and then the lock for taking over is stale too: its holder was killed at the worst moment.
      if (round % 5 === 0) writeFileSync(`${path}.takeover`, stale)
      const answers = await Promise.all(contenders.map((child) => tell(child, "take")))
      expect(answers.toSorted()).toEqual(["AT_LOCKED", "AT_LOCKED", "AT_LOCKED", "ok"])
      const winner = contenders[answers.indexOf("ok")]!
      expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ pid: winner.pid })
      expect(await tell(winner, "release")).toBe("ok")
      expect(leftovers()).toEqual([])
    }
  })

  it("does not remove a lock that somebody else has put in the place of ours", async () => {
    const lock = await acquireLock(path)
    const other = JSON.stringify({ ...currentProcess(), token: "theirs" })
    writeFileSync(path, other)
    await lock.release()
    expect(readFileSync(path, "utf8")).toBe(other)
  })

  it("names its holder also where nothing can be written", async () => {
    // There is room for this name, and for none behind it.
    const full = join(folder, "l".repeat(250))
    await expect(acquireLock(full)).rejects.toMatchObject({ code: "AT_DISK_IO" })
    const elsewhere = { ...currentProcess(), host: "elsewhere", bootId: "another", token: "t" }
    writeFileSync(full, JSON.stringify(elsewhere))
    await expect(acquireLock(full)).rejects.toMatchObject({
      code: "AT_LOCKED",
      message: expect.stringMatching(/on elsewhere is using it/),
    })
    writeFileSync(full, JSON.stringify({ ...currentProcess(), startTime: "1", token: "t" }))
    await expect(acquireLock(full)).rejects.toMatchObject({ code: "AT_DISK_IO" })
  })

  it("says that the disk refuses, when it does", async () => {
    await expect(acquireLock(join(folder, "absent/lock"))).rejects.toMatchObject({ code: "AT_DISK_IO" })
  })
})

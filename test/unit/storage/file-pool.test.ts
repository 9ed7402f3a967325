import { describe, expect, it } from "vitest"
import { FilePool } from "../../../src/storage/file-pool.js"
import { someBytes, World } from "./fixture.js"

function pooled(limit: number) {
  const world = new World()
  world.disk.putDirectory("/d")
  const pool = new FilePool({ disk: world.disk, limit })
  const openNow = () => {
    const count = (kind: string) => world.disk.operations.filter((operation) => operation.kind === kind).length
    return count("open") - count("close")
  }
  return { world, pool, openNow }
}

describe("a pool of open files", () => {
  it("opens no more than its limit, and closes none that is in use", async () => {
    const { world, pool, openNow } = pooled(4)
    let most = 0
    const names = Array.from({ length: 50 }, (_, i) => `/d/${i}`)
    await world.run(
      Promise.all(
        names.map((name) =>
          pool.use(
            name,
            () => name,
            "create",
            async (handle) => {
              most = Math.max(most, openNow())
              await handle.write([someBytes(100, name)], 0)
              await handle.write([someBytes(100, name)], 100)
            },
          ),
        ),
      ),
    )
    expect(most).toBeLessThanOrEqual(8)
    for (const name of names) expect(world.disk.readFile(name)?.length).toBe(200)
    await world.run(pool.close())
    expect(openNow()).toBe(0)
  })

  it("keeps a file open from one use to the next, also when it is renamed", async () => {
    const { world, pool } = pooled(4)
    let path = "/d/one"
    const use = (text: number) =>
      pool.use(
        "key",
        () => path,
        "create",
        (handle) => handle.write([Uint8Array.of(text)], text),
      )
    await world.run(use(0))
    await world.run(world.disk.rename("/d/one", "/d/two"))
    path = "/d/two"
    await world.run(use(1))
    expect(world.disk.filePaths()).toEqual(["/d/two"])
    expect(world.disk.operations.filter(({ kind }) => kind === "open").length).toBe(1)
    await world.run(pool.close())
  })

  it("opens a file anew for writing that was open for reading", async () => {
    const { world, pool } = pooled(4)
    world.disk.putFile("/d/one", someBytes(10))
    const path = () => "/d/one"
    await world.run(pool.use("key", path, "read", (handle) => handle.read(new Uint8Array(10), 0)))
    await world.run(pool.use("key", path, "write", (handle) => handle.write([Uint8Array.of(9)], 0)))
    expect(world.disk.readFile("/d/one")?.[0]).toBe(9)
    await world.run(pool.close())
  })

  it("tries again after an open that failed", async () => {
    const { world, pool } = pooled(1)
    const path = () => "/d/one"
    const use = () => pool.use("key", path, "create", () => Promise.resolve("used"))
    world.disk.failAt(0, "io")
    await expect(world.run(use())).rejects.toMatchObject({ failure: "io" })
    await expect(world.run(use())).resolves.toBe("used")
    await world.run(pool.close())
  })
})

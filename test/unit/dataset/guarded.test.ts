import { describe, expect, it } from "vitest"
import { guarded } from "../../../src/dataset/guarded.js"
import { AtError } from "../../../src/errors.js"
import { DiskError } from "../../../src/ports/disk.js"

describe("a call of the library", () => {
  it("gives what it gives", async () => {
    expect(await guarded(async () => 5)).toBe(5)
  })

  it("fails with an AtError as it is", async () => {
    const error = new AtError("AT_LOCKED", "open elsewhere", { hint: "close it there" })
    await expect(guarded(() => Promise.reject(error))).rejects.toBe(error)
  })

  it.each([
    ["AT_BUG", new TypeError("x is not a function")],
    ["AT_DISK_IO", new DiskError("permission", "/data", "/data: permission denied")],
  ])("fails with %s, and the cause, for any other error", async (code, cause) => {
    const failing = guarded(() => Promise.reject(cause))
    await expect(failing).rejects.toBeInstanceOf(AtError)
    await expect(failing).rejects.toMatchObject({ code, cause })
  })
})

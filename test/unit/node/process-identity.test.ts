import { describe, expect, it } from "vitest"
import { machineIdOf } from "../../../src/node/process-identity.js"

describe("a machine's id", () => {
  const id = "0123456789abcdef0123456789abcdef"

  it("differs from that of others, and does not tell what it is made from", () => {
    expect(machineIdOf(`${id}\n`)).toBe(machineIdOf(id))
    expect(machineIdOf(id)).not.toBe(machineIdOf(id.replace("0", "1")))
    expect(machineIdOf(id)).not.toContain(id)
  })

  it.each(["", "\n", "uninitialized\n", id.slice(1)])("is none where the system has none yet (%j)", (text) => {
    expect(machineIdOf(text)).toBe("")
  })
})

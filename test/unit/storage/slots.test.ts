import { describe, expect, it } from "vitest"
import { AtError } from "../../../src/errors.js"
import { type Slot, Slots, slotBudget } from "../../../src/storage/slots.js"

const KiB = 1024
const MiB = 1024 * KiB

describe("slots", () => {
  it("are as many as the budget holds, and no more", () => {
    const slots = new Slots({ pieceLength: 16 * KiB, budget: MiB })
    expect(slots.capacity).toBe(64)
    const held = new Set<Slot>()
    for (let slot = slots.acquire(); slot !== undefined; slot = slots.acquire()) held.add(slot)
    expect(held.size).toBe(64)
    expect(slots.inUse).toBe(64)
    for (const slot of held) slots.release(slot)
    expect(slots.inUse).toBe(0)
    expect(slots.acquire()).toBeDefined()
  })

  it("are at least two, however long the pieces", () => {
    expect(new Slots({ pieceLength: 32 * MiB, budget: 1 }).capacity).toBe(2)
  })

  it("never overlap", () => {
    const slots = new Slots({ pieceLength: 3 * KiB + 7, budget: 5 * MiB })
    const held = Array.from({ length: slots.capacity }, () => slots.acquire()!)
    for (const slot of held) slot.bytes.fill(slot.index % 251)
    expect(held.every((slot) => slot.bytes.every((byte) => byte === slot.index % 251))).toBe(true)
    expect(held.every((slot) => slot.bytes.length === 3 * KiB + 7)).toBe(true)
  })

  it("take memory as it is needed, in shared buffers that small slots have in common", () => {
    const slots = new Slots({ pieceLength: 16 * KiB, budget: 64 * MiB })
    const first = slots.acquire()!
    const second = slots.acquire()!
    expect(first.bytes.buffer).toBeInstanceOf(SharedArrayBuffer)
    expect(second.bytes.buffer).toBe(first.bytes.buffer)
    expect(first.bytes.buffer.byteLength).toBeLessThanOrEqual(4 * MiB)
  })

  it("notice a second release", () => {
    const slots = new Slots({ pieceLength: KiB, budget: MiB })
    const slot = slots.acquire()!
    slots.release(slot)
    expect(() => slots.release(slot)).toThrow(AtError)
  })

  it("have a budget of eight pieces within 64 and 256 MiB", () => {
    expect(slotBudget(16 * KiB)).toBe(32 * MiB)
    expect(slotBudget(16 * MiB)).toBe(128 * MiB)
    expect(slotBudget(64 * MiB)).toBe(256 * MiB)
  })
})

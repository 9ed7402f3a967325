import { getEventListeners } from "node:events"
import { describe, expect, it } from "vitest"
import { abortWith } from "../../../src/dataset/abort-with.js"

describe("a controller that is aborted with signals", () => {
  const listeners = (signal: AbortSignal): number => getEventListeners(signal, "abort").length

  it("is so with any of them, for its reason", () => {
    const [first, second] = [new AbortController(), new AbortController()]
    const either = [0, 1, 2].map(() => abortWith(undefined, first.signal, second.signal))
    second.abort("enough")
    for (const { signal } of either) expect(signal.reason).toBe("enough")
    expect([first.signal, second.signal].map(listeners)).toEqual([0, 0])
    const late = abortWith(first.signal, second.signal)
    expect(late.signal.reason).toBe("enough")
    expect(abortWith(second.signal, first.signal).signal.aborted).toBe(true)
    expect([first.signal, second.signal].map(listeners)).toEqual([0, 0])
  })

  it("is one of many that the signal counts as one listener, which goes with the last", () => {
    const stop = new AbortController()
    const many = Array.from({ length: 20 }, () => abortWith(stop.signal))
    expect(listeners(stop.signal)).toBe(1)
    const [last, ...others] = many
    for (const other of others) other.abort()
    expect(listeners(stop.signal)).toBe(1)
    expect(last?.signal.aborted).toBe(false)
    last?.abort()
    expect(listeners(stop.signal)).toBe(0)
    expect(stop.signal.aborted).toBe(false)
    const again = abortWith(stop.signal)
    stop.abort()
    expect(again.signal.aborted).toBe(true)
  })
})

import { describe, expect, it } from "vitest"
import { Concurrency } from "../../../src/webseed/concurrency.js"
import { RunLength } from "../../../src/webseed/run-length.js"

const MiB = 1024 * 1024

/** Lets `seconds` pass with as many runs as are allowed, while `rate(runs)` bytes a second arrive. Returns the end. */
function serve(
  concurrency: Concurrency,
  from: number,
  seconds: number,
  rate: (runs: number) => number,
  runs = Number.POSITIVE_INFINITY,
): number {
  for (let now = from; now < from + seconds * 1000; now += 10) {
    while (concurrency.active < Math.min(concurrency.limit, runs)) concurrency.runBegan()
    while (concurrency.active > concurrency.limit) concurrency.runEnded()
    concurrency.delivered(now, rate(concurrency.active) / 100)
  }
  return from + seconds * 1000
}

describe("the number of runs beside each other", () => {
  it("starts with two", () => {
    expect(new Concurrency(4 * MiB).limit).toBe(2)
  })

  it("grows to eight while each run brings more", () => {
    const concurrency = new Concurrency(4 * MiB)
    serve(concurrency, 0, 20, (runs) => runs * MiB)
    expect(concurrency.limit).toBe(8)
  })

  it("stops where one more brings nothing", () => {
    const concurrency = new Concurrency(4 * MiB)
    serve(concurrency, 0, 20, (runs) => Math.min(runs, 4) * MiB)
    expect(concurrency.limit).toBe(4)
  })

  it("stays at two when the link is full with them", () => {
    const concurrency = new Concurrency(4 * MiB)
    serve(concurrency, 0, 20, () => 10 * MiB)
    expect(concurrency.limit).toBe(2)
  })

  it("looks again after a while, in case there is more to be had", () => {
    const concurrency = new Concurrency(4 * MiB)
    const later = serve(concurrency, 0, 20, () => 10 * MiB)
    serve(concurrency, later, 60, (runs) => runs * MiB)
    expect(concurrency.limit).toBe(8)
  })

  it("does not grow while its runs are not all there", () => {
    const concurrency = new Concurrency(4 * MiB)
    let now = 0
    serve(concurrency, 0, 30, () => (now += MiB), 1)
    expect(concurrency.limit).toBe(2)
  })

  it("learns nothing from a time without runs", () => {
    const concurrency = new Concurrency(4 * MiB)
    const later = serve(concurrency, 0, 3, (runs) => runs * MiB)
    const before = concurrency.limit
    concurrency.delivered(later + 600_000, MiB)
    expect(concurrency.limit).toBe(before)
  })

  it("halves when the server refuses, and rests", () => {
    const concurrency = new Concurrency(4 * MiB)
    const now = serve(concurrency, 0, 20, (runs) => runs * MiB)
    concurrency.refused(now)
    expect(concurrency.limit).toBe(4)
    serve(concurrency, now, 25, (runs) => runs * MiB)
    expect(concurrency.limit).toBe(4)
  })

  it("never falls below one", () => {
    const concurrency = new Concurrency(4 * MiB)
    for (let i = 0; i < 10; i++) concurrency.refused(i)
    expect(concurrency.limit).toBe(1)
  })

  it("goes up to thirty-two, fast, when requests are small", () => {
    const concurrency = new Concurrency(16 * 1024)
    expect(concurrency.limit).toBe(8)
    serve(concurrency, 0, 5, (runs) => runs * 100_000)
    expect(concurrency.limit).toBe(32)
  })

  it("follows the size of the requests that are made", () => {
    const concurrency = new Concurrency(16 * 1024)
    serve(concurrency, 0, 5, (runs) => runs * 100_000)
    for (let i = 0; i < 20; i++) concurrency.requestEnded(8 * MiB)
    expect(concurrency.limit).toBe(8)
  })
})

describe("the length of runs", () => {
  it("doubles from 4 MiB to 64 MiB while they pass quickly", () => {
    const length = new RunLength()
    const seen = [length.bytes]
    for (let i = 0; i < 6; i++) {
      length.passed(length.bytes, 1_000)
      seen.push(length.bytes)
    }
    expect(seen.map((bytes) => bytes / MiB)).toEqual([4, 8, 16, 32, 64, 64, 64])
  })

  it("stays when they take long, or were shorter anyway", () => {
    const length = new RunLength()
    length.passed(4 * MiB, 10_000)
    length.passed(MiB, 100)
    expect(length.bytes).toBe(4 * MiB)
  })

  it("halves after faults, down to 1 MiB", () => {
    const length = new RunLength()
    for (let i = 0; i < 5; i++) length.faulted()
    expect(length.bytes).toBe(MiB)
  })
})

import { describe, expect, it } from "vitest"
import { HeldWrites } from "../../../src/bytes/held-writes.js"
import { LateStream } from "../../../src/bytes/late-stream.js"

/** Notes what it is asked. */
class Sink {
  readonly asked: string[] = []
  readonly bufferedBytes = 7

  write(chunk: Uint8Array, onTaken?: () => void): boolean {
    this.asked.push(`write ${chunk.join()}`)
    onTaken?.()
    return false
  }

  pause(): void {
    this.asked.push("pause")
  }

  resume(): void {
    this.asked.push("resume")
  }
}

class Late extends LateStream<Sink> {
  override begin(stream: Sink): void {
    super.begin(stream)
  }

  override fail(): void {
    super.fail()
  }
}

function setUp() {
  const taken: number[] = []
  const late = new Late()
  const write = (byte: number) => late.write(Uint8Array.of(byte), () => taken.push(byte))
  return { late, write, taken, sink: new Sink() }
}

describe("a stream that is not there yet", () => {
  it("holds what is written, and gives it to the stream in its order", () => {
    const { late, write, taken, sink } = setUp()
    expect([write(1), write(2)]).toEqual([true, true])
    expect([late.bufferedBytes, taken]).toEqual([2, []])
    late.begin(sink)
    expect([sink.asked, taken, late.bufferedBytes]).toEqual([["write 1", "write 2"], [1, 2], 7])
    expect(write(3)).toBe(false)
    expect([sink.asked.at(-1), taken]).toEqual(["write 3", [1, 2, 3]])
  })

  it("pauses the stream before anything is written, if that is still wished", () => {
    for (const resumed of [false, true]) {
      const { late, write, sink } = setUp()
      write(1)
      late.pause()
      if (resumed) late.resume()
      late.begin(sink)
      expect(sink.asked).toEqual(resumed ? ["write 1"] : ["pause", "write 1"])
      late.resume()
      late.pause()
      expect(sink.asked.slice(-2)).toEqual(["resume", "pause"])
    }
  })

  it("gives all memory back when the stream will never be there", () => {
    const { late, write, taken } = setUp()
    write(1)
    late.fail()
    expect([taken, late.bufferedBytes]).toEqual([[1], 0])
    expect(write(2)).toBe(false)
    expect(taken).toEqual([1, 2])
  })
})

describe("held writes", () => {
  it("give the first out as a copy, unless it is too long", () => {
    const held = new HeldWrites()
    expect(held.takeFirst(10)).toBeUndefined()
    const chunk = Uint8Array.of(1, 2, 3)
    held.push(chunk, () => chunk.fill(0))
    expect(held.takeFirst(2)).toBeUndefined()
    expect([held.takeFirst(3), chunk, held.bytes]).toEqual([Uint8Array.of(1, 2, 3), new Uint8Array(3), 0])
  })
})

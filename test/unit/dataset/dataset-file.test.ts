import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { DatasetFile } from "../../../src/dataset/dataset-file.js"
import { AtError, abortError } from "../../../src/errors.js"
import { concat } from "../../support/bytes.js"

const MiB = 2 ** 20

function fileOf(length: number) {
  const data = new Uint8Array(length)
  for (let i = 0; i < length; i++) data[i] = i * 7 + (i >> 8)
  const reads: { offset: number; length: number; signal: AbortSignal | undefined }[] = []
  const file = new DatasetFile("a/b.bin", length, async (offset, count, signal) => {
    reads.push({ offset, length: count, signal })
    if (signal?.aborted) throw abortError(signal.reason)
    return data.slice(offset, offset + count)
  })
  return { file, data, reads }
}

async function drain(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return concat(chunks)
}

describe("reading a file of a dataset", () => {
  it("gives the bytes there are, like a slice", async () => {
    const { file, data, reads } = fileOf(100)
    await fc.assert(
      fc.asyncProperty(fc.nat(150), fc.nat(150), async (offset, length) => {
        expect(await file.read(offset, length)).toEqual(data.slice(offset, offset + length))
      }),
    )
    for (const read of reads) {
      expect(read.length).toBeGreaterThan(0)
      expect(read.offset + read.length).toBeLessThanOrEqual(100)
    }
  })

  it.each([
    [-1, 5],
    [0, -1],
    [0.5, 1],
    [0, 1.5],
    [Number.NaN, 1],
    [0, Number.POSITIVE_INFINITY],
  ])("refuses what is no place in a file: %d, %d", async (offset, length) => {
    await expect(fileOf(100).file.read(offset, length)).rejects.toMatchObject({ code: "AT_INVALID_INPUT" })
  })

  it.each([
    ["nothing", null],
    ["a signal that is not named", AbortSignal.abort()],
    ["what is no signal", { signal: 5 }],
  ])("refuses %s for options", async (_, options) => {
    const { file } = fileOf(100)
    const wrong = expect.objectContaining({ code: "AT_INVALID_INPUT" })
    await expect(file.read(0, 1, options as object)).rejects.toEqual(wrong)
    expect(() => file.stream(options as object)).toThrow(wrong)
  })

  it("refuses more than an array can hold, and says what can be done instead", async () => {
    const read = (_: number, length: number): Promise<Uint8Array<ArrayBuffer>> =>
      Promise.resolve(new Uint8Array(length))
    const file = new DatasetFile("big.bin", 6e9, read)
    const refusal = { code: "AT_INVALID_INPUT", hint: expect.stringContaining("stream()") as string }
    await expect(file.read(0, file.length)).rejects.toMatchObject(refusal)
    expect(await file.read(file.length - 10, 6e9)).toHaveLength(10)
  })

  it("passes the signal on", async () => {
    const { file } = fileOf(100)
    await expect(file.read(0, 1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "AT_ABORTED" })
  })
})

describe("streaming a file of a dataset", () => {
  it("gives the whole file, in parts", async () => {
    const { file, data, reads } = fileOf(2 * MiB + 5)
    expect(Buffer.compare(await drain(file.stream()), data)).toBe(0)
    expect(Math.max(...reads.map(({ length }) => length))).toBeLessThanOrEqual(MiB)
  })

  it("gives the part from start up to end, like a slice", async () => {
    const { file, data } = fileOf(100)
    await fc.assert(
      fc.asyncProperty(fc.nat(150), fc.nat(150), async (start, end) => {
        expect(await drain(file.stream({ start, end }))).toEqual(data.slice(start, end))
      }),
    )
  })

  it("ends at once for an empty file", async () => {
    expect(await drain(fileOf(0).file.stream())).toHaveLength(0)
  })

  it("has up to four parts under way ahead of its reader, and no more", async () => {
    const { file, reads } = fileOf(10 * MiB)
    const reader = file.stream().getReader()
    await reader.read()
    expect(reads.map(({ offset }) => offset)).toEqual([0, MiB, 2 * MiB, 3 * MiB])
    await reader.read()
    expect(reads).toHaveLength(5)
    await reader.cancel()
    await new Promise((resolve) => setImmediate(resolve))
    expect(reads).toHaveLength(5)
  })

  it("ends its reads when it is cancelled", async () => {
    const signals: (AbortSignal | undefined)[] = []
    const file = new DatasetFile("a", 10 * MiB, async (_, count, signal) => {
      signals.push(signal)
      return new Uint8Array(count)
    })
    const reader = file.stream({ signal: new AbortController().signal }).getReader()
    await reader.read()
    expect(signals.map((signal) => signal?.aborted)).toEqual([false, false, false, false])
    await reader.cancel()
    expect(signals.every((signal) => signal?.aborted)).toBe(true)
  })

  it("ends the reads ahead when one fails", async () => {
    const signals: (AbortSignal | undefined)[] = []
    const file = new DatasetFile("a", 10 * MiB, async (offset, count, signal) => {
      signals.push(signal)
      if (offset > 0) throw new AtError("AT_CORRUPT", "wrong", { hint: "fetch it again" })
      return new Uint8Array(count)
    })
    await expect(drain(file.stream())).rejects.toMatchObject({ code: "AT_CORRUPT" })
    expect(signals.every((signal) => signal?.aborted)).toBe(true)
  })

  it("fails with the error of the read", async () => {
    const { file } = fileOf(100)
    await expect(drain(file.stream({ signal: AbortSignal.abort() }))).rejects.toMatchObject({ code: "AT_ABORTED" })
  })

  it.each([{ start: -1 }, { start: 0.5 }, { start: Number.NaN }, { end: Number.NaN }, { end: 10.5 }, { end: -1 }])(
    "refuses what is no place in a file: %o",
    async (options) => {
      await expect(async () => drain(fileOf(100).file.stream(options))).rejects.toMatchObject({
        code: "AT_INVALID_INPUT",
      })
    },
  )
})

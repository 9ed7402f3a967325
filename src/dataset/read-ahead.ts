import { abortWith } from "./abort-with.js"

/** Bytes of one read. */
const CHUNK = 1024 * 1024
/** Reads under way at a time, so that the network does not rest while the reader is busy. */
const CHUNKS_AHEAD = 4

/** Bytes from `start` up to `end`, in order, of which a few reads are under way ahead of the reader. */
export function readAhead(options: {
  start: number
  end: number
  signal: AbortSignal | undefined
  read: (offset: number, length: number, signal: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>
}): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { end, read } = options
  const over = abortWith(options.signal)
  const ahead: Promise<Uint8Array<ArrayBuffer>>[] = []
  let at = options.start
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull: async (controller) => {
        while (ahead.length < CHUNKS_AHEAD && at < end) {
          const length = Math.min(CHUNK, end - at)
          const chunk = read(at, length, over.signal)
          // Its reader hears of a failure when its turn comes.
          chunk.catch(() => {})
          ahead.push(chunk)
          at += length
        }
        try {
          const next = await ahead.shift()
          if (next !== undefined) controller.enqueue(next)
          if (ahead.length > 0 || at < end) return
          controller.close()
          over.abort()
        } catch (error) {
          over.abort()
          throw error
        }
      },
      cancel: () => over.abort(),
    },
    { highWaterMark: 0 },
  )
}

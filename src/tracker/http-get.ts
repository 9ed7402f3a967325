import { joinChunks } from "../bytes/concat.js"
import type { Family } from "../bytes/ip.js"
import { parseRetryAfter } from "../bytes/retry-after.js"
import { redactUrls } from "../bytes/url.js"
import type { HttpExchange, HttpHead } from "../ports/http.js"
import type { Platform } from "../ports/platform.js"
import { failed, type RetryWish, type TrackerFailure } from "./announce.js"

/** Without a byte, connecting included (as libtorrent's and rain's). */
const IDLE_TIMEOUT = 10_000

/** For the whole answer (as libtorrent's). */
const TOTAL_TIMEOUT = 30_000

/** Bytes of an answer that are taken (as libtorrent's `tracker_maximum_response_length`). */
const MAX_ANSWER = 1 << 20

export interface HttpBody {
  readonly kind: "body"
  readonly status: number
  readonly bytes: Uint8Array
  /** Of the server's address; absent behind a proxy. */
  readonly family?: Family | undefined
  /** What the server asks for by its status and `Retry-After`, in milliseconds. */
  readonly retry?: Exclude<RetryWish, "never"> | undefined
}

/**
 * Gets what a tracker answers, whatever its status; over `family` alone, if that is given. Never rejects; when `signal` ends
 * it, it has failed.
 */
export function getAnswer(
  platform: Pick<Platform, "clock" | "http">,
  url: string,
  signal: AbortSignal,
  family?: Family,
): Promise<HttpBody | TrackerFailure> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(failed("stopped"))
      return
    }
    const chunks: Uint8Array[] = []
    let length = 0
    let head: HttpHead | undefined
    let exchange: HttpExchange | undefined
    let settled = false
    const settle = (outcome: HttpBody | TrackerFailure): void => {
      if (settled) return
      settled = true
      timer.cancel()
      signal.removeEventListener("abort", onAbort)
      resolve(outcome)
    }
    const fail = (message: string): void => {
      settle(failed(message))
      exchange?.abort()
    }
    const onAbort = (): void => fail("stopped")
    const timer = platform.clock.after(TOTAL_TIMEOUT, () => fail(`no complete answer within ${TOTAL_TIMEOUT / 1000} s`))
    signal.addEventListener("abort", onAbort)
    exchange = platform.http.get(
      { url, idleTimeout: IDLE_TIMEOUT, ...(family !== undefined && { family }) },
      {
        onHead(answer) {
          head = answer
          const encoding = answer.headers["content-encoding"]?.trim().toLowerCase() ?? "identity"
          if (encoding !== "identity" && encoding !== "") {
            fail(`the answer is compressed with ${encoding.slice(0, 40)}, which was not asked for`)
          }
        },
        onData(chunk) {
          length += chunk.length
          if (length > MAX_ANSWER) fail("the answer is longer than 1 MiB")
          else if (!settled) chunks.push(chunk.slice())
        },
        onEnd() {
          const status = head?.status ?? 0
          const retry = retryOf(status, head?.headers["retry-after"], platform.clock.wallTime())
          settle({ kind: "body", status, bytes: joinChunks(chunks), family: head?.family, retry })
        },
        onError(error) {
          settle(failed(redactUrls(error.message)))
        },
      },
    )
    // The listener may have been called inside `get`.
    if (settled) exchange.abort()
  })
}

function retryOf(status: number, header: string | undefined, wallTime: number): HttpBody["retry"] {
  if (status !== 403 && status !== 429 && status !== 503) return undefined
  const asked = parseRetryAfter(header, wallTime)
  // A time that is over says no more than none: clocks differ.
  if (asked !== undefined && asked > 0) return asked
  return status === 503 ? undefined : "later"
}

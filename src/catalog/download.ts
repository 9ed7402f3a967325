import { joinChunks } from "../bytes/concat.js"
import { redactUrl } from "../bytes/url.js"
import { AtError, abortError } from "../errors.js"
import type { Http, HttpError, HttpExchange } from "../ports/http.js"

/** ms without a byte. */
const IDLE_TIMEOUT = 20_000

/** What came of a GET. */
export type Download =
  | { readonly kind: "ok"; readonly bytes: Uint8Array }
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: "failed"; readonly error: HttpError }

/**
 * Gets something small whole: a .torrent, an answer of the service.
 *
 * @throws AtError `AT_METADATA` when it is longer than `limit` bytes; `AT_ABORTED`
 */
export function download(
  http: Http,
  url: string,
  options: {
    limit: number
    /** ms without a byte, if that is less than we would wait. */
    timeout?: number | undefined
    signal?: AbortSignal | undefined
  },
): Promise<Download> {
  const { limit, timeout = IDLE_TIMEOUT, signal } = options
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortError(signal.reason))
      return
    }
    const chunks: Uint8Array[] = []
    let length = 0
    const onAbort = (): void => {
      exchange.abort()
      reject(abortError(signal?.reason))
    }
    const settle = (outcome: Download): void => {
      signal?.removeEventListener("abort", onAbort)
      resolve(outcome)
    }
    const exchange: HttpExchange = http.get(
      { url, idleTimeout: Math.min(timeout, IDLE_TIMEOUT) },
      {
        onHead: ({ status }) => {
          if (status === 200) return
          exchange.abort()
          settle({ kind: "status", status })
        },
        onData: (chunk) => {
          length += chunk.length
          if (length <= limit) {
            chunks.push(chunk.slice())
            return
          }
          exchange.abort()
          signal?.removeEventListener("abort", onAbort)
          reject(
            new AtError("AT_METADATA", `${redactUrl(url)} is longer than ${limit} bytes`, {
              hint: "check that the URL is that of a .torrent",
            }),
          )
        },
        onEnd: () => settle({ kind: "ok", bytes: joinChunks(chunks) }),
        onError: (error) => settle({ kind: "failed", error }),
      },
    )
    signal?.addEventListener("abort", onAbort, { once: true })
  })
}

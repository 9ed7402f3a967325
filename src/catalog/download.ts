import { joinChunks } from "../bytes/concat.js"
import { redactUrl } from "../bytes/url.js"
import { AtError, abortError } from "../errors.js"
import type { HttpError, HttpExchange } from "../ports/http.js"
import type { Platform } from "../ports/platform.js"

/** ms without a byte. */
const IDLE_TIMEOUT = 20_000

/** What came of a GET. */
export type Download =
  | { readonly kind: "ok"; readonly bytes: Uint8Array }
  | { readonly kind: "status"; readonly status: number; readonly retryAfter: string | undefined }
  /** `begun`: the answer had, but did not come to its end. */
  | { readonly kind: "failed"; readonly error: HttpError; readonly begun: boolean }

export interface DownloadOptions {
  /** Bytes at most. */
  readonly limit: number
  /** ms without a byte, if that is less than we would wait. */
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** The user named the URL: it may lead into a private network. */
  readonly namedByUser: boolean
}

/**
 * Gets something small whole: a .torrent, an answer of the service.
 *
 * @throws AtError `AT_METADATA` when it is longer than `limit` bytes; `AT_ABORTED`
 */
export function download({ http }: Pick<Platform, "http">, url: string, options: DownloadOptions): Promise<Download> {
  const { limit, timeout = IDLE_TIMEOUT, signal, namedByUser } = options
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortError(signal.reason))
      return
    }
    const chunks: Uint8Array[] = []
    let length = 0
    let begun = false
    const onAbort = (): void => {
      exchange.abort()
      reject(abortError(signal?.reason))
    }
    const settle = (outcome: Download): void => {
      signal?.removeEventListener("abort", onAbort)
      resolve(outcome)
    }
    const exchange: HttpExchange = http.get(
      { url, idleTimeout: Math.min(timeout, IDLE_TIMEOUT), namedByUser },
      {
        onHead: ({ status, headers }) => {
          begun = true
          if (status === 200) return
          exchange.abort()
          settle({ kind: "status", status, retryAfter: headers["retry-after"] })
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
              hint: "check that this is the URL of a .torrent file",
            }),
          )
        },
        onEnd: () => settle({ kind: "ok", bytes: joinChunks(chunks) }),
        onError: (error) => settle({ kind: "failed", error, begun }),
      },
    )
    signal?.addEventListener("abort", onAbort, { once: true })
  })
}

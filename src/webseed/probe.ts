import type { Clock } from "../ports/clock.js"
import type { Http } from "../ports/http.js"
import { judgeAnswer } from "./judge-answer.js"

/** ms without a byte. */
const IDLE_TIMEOUT = 10_000

/** Whether a web seed has a file, by its answer to a request for the first byte. */
export type Probe =
  /** `ranges`: it sends parts of files, and not only whole ones. */
  { readonly kind: "there"; readonly ranges: boolean } | { readonly kind: "failed"; readonly reason: string }

/** Asks for the first byte of a file that is not empty. Never rejects; when `signal` is aborted, there was no answer. */
export function probe(
  { http, clock }: { readonly http: Http; readonly clock: Clock },
  { url, namedByUser }: { readonly url: string; readonly namedByUser: boolean },
  file: { readonly name: string; readonly length: number },
  signal: AbortSignal,
): Promise<Probe> {
  return new Promise((resolve) => {
    const fail = (reason: string): void => settle({ kind: "failed", reason })
    const onAbort = (): void => {
      exchange.abort()
      fail("no answer")
    }
    const settle = (result: Probe): void => {
      signal.removeEventListener("abort", onAbort)
      resolve(result)
    }
    const exchange = http.get(
      { url, headers: { range: "bytes=0-0", "accept-encoding": "identity" }, idleTimeout: IDLE_TIMEOUT, namedByUser },
      {
        onHead: (head) => {
          exchange.abort()
          const asked = { name: file.name, fileLength: file.length, from: 0, to: 1 }
          const verdict = judgeAnswer(asked, head, clock.wallTime())
          if (verdict.kind === "body") settle({ kind: "there", ranges: !verdict.ignoredRange })
          else fail(verdict.reason)
        },
        onData: () => {},
        onEnd: () => {},
        onError: (error) => fail(error.message),
      },
    )
    if (signal.aborted) onAbort()
    else signal.addEventListener("abort", onAbort, { once: true })
  })
}

import type { FileRequest } from "./file-request.js"
import type { WebSeed } from "./web-seed.js"

/** Requests sent ahead at a time, and the bytes that they and the one under way may be for: small files need it. */
const MOST_AHEAD = 16
const BYTES_AHEAD = 1024 * 1024

/**
 * A run's requests for the files that follow, sent behind the one that is being answered, so that a small file takes no round
 * trip of its own.
 */
export class RequestsAhead {
  readonly #seed: WebSeed
  readonly #requestFor: (index: number) => FileRequest
  readonly #requests: FileRequest[] = []

  /** `requestFor` makes the request for the run's part of a file, from its beginning. */
  constructor(seed: WebSeed, requestFor: (index: number) => FileRequest) {
    this.#seed = seed
    this.#requestFor = requestFor
  }

  /** The one that is next, whose turn it is. */
  shift(): FileRequest | undefined {
    return this.#requests.shift()
  }

  /** Sends more behind `current`, when half of them came, so that several go out together. The run ends at `end`. */
  refill(current: FileRequest, end: number): void {
    if (this.#requests.length > MOST_AHEAD / 2) return
    const seed = this.#seed
    const { files } = seed.metainfo.layout
    let last = current
    let bytes = last.length
    for (last of this.#requests) bytes += last.length
    for (let index = last.index + 1; index < files.length && files[index]!.offset < end; index++) {
      const { length, padding } = files[index]!
      if (padding || length === 0) continue
      if (!seed.takesRequestsAhead || !seed.mayRequest || !seed.hasFile(index)) return
      const request = this.#requestFor(index)
      bytes += request.length
      if (bytes > BYTES_AHEAD || this.#requests.length === MOST_AHEAD || !request.startBehind(last)) return
      // Until its turn comes here, too: what lies between the files may have to wait.
      request.pause()
      this.#requests.push(request)
      last = request
    }
  }

  /** The run ends at `end` now: those that reach beyond it can't be shortened, as they are sent. */
  shorten(end: number): void {
    const { files } = this.#seed.metainfo.layout
    if (this.#requests.some(({ index, length }) => files[index]!.offset + length > end)) this.drop()
  }

  /** Their listener hears nothing of them any more. */
  drop(): void {
    for (const request of this.#requests.splice(0)) request.abort()
  }
}

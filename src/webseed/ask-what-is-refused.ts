import type { Clock } from "../ports/clock.js"
import type { Http } from "../ports/http.js"
import { FileRequest } from "./file-request.js"
import type { FileRefused } from "./judge-answer.js"
import type { WebSeed } from "./web-seed.js"

/**
 * A server refused a file (index). Where it isn't clear whether it refuses all files, it is asked for the first byte of one that it
 * has given: that request is returned. `onClear` is called once the web seed has drawn the consequences, maybe before this returns.
 */
export function askWhatIsRefused(
  parts: { readonly seed: WebSeed; readonly http: Http; readonly clock: Clock },
  refusal: FileRefused,
  index: number,
  onClear: () => void,
): FileRequest | undefined {
  const { seed } = parts
  const given = seed.fileRefused(refusal, index)
  if (given === undefined) {
    onClear()
    return undefined
  }
  const onRequestEnd = ({ received }: FileRequest): void => {
    seed.gaveAnother(received > 0, refusal.reason)
    onClear()
  }
  const request = new FileRequest({
    ...parts,
    index: given,
    file: seed.metainfo.layout.files[given]!,
    from: 0,
    to: 1,
    mayDiscard: 0,
    validators: undefined,
    listener: { onBytes: () => {}, onRequestEnd },
  })
  request.start()
  return request
}

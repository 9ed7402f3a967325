import { redactUrl } from "../bytes/url.js"
import { downloadPatiently, retryAfter } from "../catalog/download-patiently.js"
import type { Site } from "../catalog/site.js"
import { AtError } from "../errors.js"
import { TORRENT_LIMITS } from "../metainfo/info-dictionary.js"
import type { HttpError } from "../ports/http.js"
import type { Platform } from "../ports/platform.js"
import { lateAnswer } from "./late-answer.js"
import { GO_ONLINE } from "./needs-network.js"
import type { ProgressFeed } from "./progress-feed.js"

export interface FetchContext {
  readonly platform: Platform
  readonly site: Site
  readonly offline: boolean
  /** The caller's patience: ms without a byte. */
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Is told what is waited for, when that takes long. */
  readonly feed?: Pick<ProgressFeed, "follow" | "forget"> | undefined
}

/**
 * The bytes of the .torrent at a URL. `dataset`: what is known of it before; its infohash, where the URL is one of the service and
 * not the target itself.
 *
 * @throws AtError `AT_NOT_FOUND`, `AT_METADATA`, `AT_STALLED` (with a `timeout`), `AT_ABORTED`
 */
export async function fetchTorrent(
  url: string,
  dataset: { readonly name: string; readonly infoHash?: Uint8Array },
  context: FetchContext,
  fetch: typeof downloadPatiently = downloadPatiently,
): Promise<Uint8Array> {
  const { platform, site, signal, timeout, offline, feed } = context
  const shown = redactUrl(url)
  if (offline) {
    throw new AtError("AT_METADATA", `${shown} can't be fetched offline`, { hint: GO_ONLINE })
  }
  const { name, infoHash } = dataset
  const namedByUser = infoHash === undefined || site.namedByUser
  const answer = fetch(platform, url, { limit: TORRENT_LIMITS.length, timeout, signal, namedByUser })
  const outcome = await (feed === undefined
    ? answer
    : lateAnswer(answer, { url, name, infoHash }, { clock: platform.clock, feed }))
  switch (outcome.kind) {
    case "ok":
      return outcome.bytes
    case "status": {
      if (outcome.status === 404 || outcome.status === 410) {
        throw infoHash === undefined
          ? new AtError("AT_NOT_FOUND", `there is nothing at ${shown}`, { hint: "check the URL" })
          : new AtError("AT_NOT_FOUND", `there is no such dataset at ${shown}`, {
              hint: "check the infohash; the dataset may have been removed or replaced: add a peer that has it with `peers`",
            })
      }
      const pause = retryAfter(outcome, platform.clock.wallTime())
      const soon = pause === undefined ? "later" : `in ${Math.ceil(pause / 1000)} s, as it asks for`
      throw new AtError("AT_METADATA", `${shown} answered with HTTP status ${outcome.status}`, {
        hint: `try again ${soon}, or use the .torrent file`,
      })
    }
    case "failed": {
      const { error } = outcome
      // That says nothing of the dataset: who set a time-out may try again later.
      const isStalled = timeout !== undefined && error.failure === "timeout"
      throw new AtError(isStalled ? "AT_STALLED" : "AT_METADATA", `${shown} can't be fetched: ${error.message}`, {
        hint: `${adviceFor(error)}, or use the .torrent file`,
        cause: error,
      })
    }
  }
}

function adviceFor({ failure }: HttpError): string {
  switch (failure) {
    case "tls":
      return "if your network inspects TLS, set NODE_EXTRA_CA_CERTS to the file of its certificate"
    case "proxy":
      return "check the proxy that is set, and its user and password"
    case "network":
    case "timeout":
      return "check the network and, if it needs a proxy, HTTPS_PROXY"
    case "unsafe-address":
      return "check the network and, if that is the right place, name its URL yourself"
    case "redirect":
    case "malformed":
      return "check the network"
  }
}

import type { Platform } from "../ports/platform.js"
import {
  type AnnounceAnswer,
  type AnnounceOutcome,
  type AnnounceRequest,
  failed,
  type ScrapeOutcome,
  type TrackerFailure,
} from "./announce.js"
import { HostLimiter } from "./host-limiter.js"
import { announceUrl, decodeAnswer, failureOf, parseHttpAnswer } from "./http-announce.js"
import { getAnswer, type HttpBody } from "./http-get.js"
import { parseHttpScrape, scrapeUrl } from "./http-scrape.js"
import type { TrackerTarget } from "./tracker-url.js"
import { UdpClient } from "./udp-client.js"

/** Hears how an announce goes, besides its outcome. */
export interface AnnounceListener {
  /** It goes out now: it may have waited for others to the same host. */
  onSent(): void
  /** What a tracker's second address answers after the first has. */
  onLate(answer: AnnounceAnswer): void
}

/**
 * Asks trackers, whatever the protocol: one is shared by all that a session runs, so that no host is asked too much at a
 * time. No method rejects; what `signal` ends has failed.
 */
export class TrackerClient {
  readonly #platform: Pick<Platform, "reach" | "clock" | "http">
  readonly #udp: UdpClient
  readonly #limiter: HostLimiter

  constructor(platform: Pick<Platform, "reach" | "clock" | "random" | "net" | "udp" | "http">) {
    this.#platform = platform
    this.#udp = new UdpClient(platform)
    this.#limiter = new HostLimiter(platform.clock)
  }

  /** A goodbye does not wait behind others' announces. An aborted `signal` ends the wait for late answers, too. */
  async announce(
    target: TrackerTarget,
    request: AnnounceRequest,
    signal: AbortSignal,
    listener: AnnounceListener,
  ): Promise<AnnounceOutcome> {
    if (target.kind === "refused") return failed(target.reason, "never")
    if (target.kind === "udp") {
      if (this.#withoutDatagrams !== undefined) return this.#withoutDatagrams
      listener.onSent()
      return this.#udp.announce(target, request, signal, (late) => listener.onLate(late))
    }
    const url = announceUrl(target.url, request)
    const answer = await this.#get(url, signal, request.event === "stopped", () => listener.onSent())
    return answer.kind === "failed" ? answer : judged(answer, parseHttpAnswer)
  }

  async scrape(target: TrackerTarget, infoHash: Uint8Array, signal: AbortSignal): Promise<ScrapeOutcome> {
    if (target.kind === "refused") return failed(target.reason, "never")
    if (target.kind === "udp") return this.#withoutDatagrams ?? this.#udp.scrape(target, infoHash, signal)
    const url = scrapeUrl(target.url, infoHash)
    if (url === undefined) return failed("the tracker's URL has no form for scrapes")
    const answer = await this.#get(url, signal)
    return answer.kind === "failed" ? answer : judged(answer, (bytes) => parseHttpScrape(bytes, infoHash))
  }

  async #get(
    url: string,
    signal: AbortSignal,
    urgent = false,
    onSent?: () => void,
  ): Promise<HttpBody | TrackerFailure> {
    const answer = await this.#limiter.run(new URL(url).hostname, { signal, urgent }, () => {
      onSent?.()
      return getAnswer(this.#platform, url, signal)
    })
    return answer ?? failed("stopped")
  }

  get #withoutDatagrams(): TrackerFailure | undefined {
    if (this.#platform.reach === "open") return undefined
    return failed("a udp tracker can't be asked through a proxy", "never")
  }

  /** Ends UDP requests that wait, and closes the sockets. HTTP requests end with their signals. */
  close(): Promise<void> {
    return this.#udp.close()
  }
}

/** A body counts only with a good status. Else what the tracker says in it, if anything, says more than the status. */
function judged<A extends { readonly kind: "answered" }>(
  body: HttpBody,
  parse: (bytes: Uint8Array) => A | TrackerFailure,
): A | TrackerFailure {
  if (body.status >= 200 && body.status < 300) return parse(body.bytes)
  const dictionary = decodeAnswer(body.bytes)
  const said = typeof dictionary === "string" ? undefined : failureOf(dictionary)
  return failed(said?.message ?? `HTTP status ${body.status}`, said?.retry ?? body.retry)
}

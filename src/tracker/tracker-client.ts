import { toHex } from "../bytes/hex.js"
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
import { announceUrl, decodeAnswer, type EncryptionSupport, failureOf, parseHttpAnswer } from "./http-announce.js"
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
 * Asks trackers, whatever the protocol: one is shared by all that a session runs, and its limiter by all of the process, so
 * that no host is asked too much at a time, nor while it wants to be left alone. No method rejects; what `signal` ends has
 * failed.
 */
export class TrackerClient {
  readonly #platform: Pick<Platform, "reach" | "clock" | "http">
  readonly #udp: UdpClient
  readonly #limiter: HostLimiter
  readonly #encryption: EncryptionSupport

  constructor(
    platform: Pick<Platform, "reach" | "clock" | "random" | "net" | "udp" | "http">,
    limiter = new HostLimiter(platform.clock),
    encryption: EncryptionSupport = "none",
  ) {
    this.#platform = platform
    this.#udp = new UdpClient(platform)
    this.#limiter = limiter
    this.#encryption = encryption
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
    const announce = `${target.url} ${toHex(request.infoHash)}`
    const rest = this.#limiter.announces.of(announce)
    if (rest > 0) return leftAlone(rest)
    const url = announceUrl(target.url, request, this.#encryption)
    const urgent = request.event === "stopped"
    const turn = { signal, urgent, announce, onSent: () => listener.onSent() }
    return this.#ask(url, turn, parseHttpAnswer)
  }

  async scrape(target: TrackerTarget, infoHash: Uint8Array, signal: AbortSignal): Promise<ScrapeOutcome> {
    if (target.kind === "refused") return failed(target.reason, "never")
    if (target.kind === "udp") return this.#withoutDatagrams ?? this.#udp.scrape(target, infoHash, signal)
    const url = scrapeUrl(target.url, infoHash)
    if (url === undefined) return failed("the tracker's URL has no form for scrapes")
    return this.#ask(url, { signal, urgent: false, announce: undefined, onSent() {} }, (bytes) =>
      parseHttpScrape(bytes, infoHash),
    )
  }

  async #ask<A extends { readonly kind: "answered" }>(
    url: string,
    { signal, urgent, announce, onSent }: Turn,
    parse: (bytes: Uint8Array) => A | TrackerFailure,
  ): Promise<A | TrackerFailure> {
    const { host } = new URL(url)
    const body = await this.#limiter.run(host, { signal, urgent }, () => {
      onSent()
      return getAnswer(this.#platform, url, signal)
    })
    if (body === undefined) return signal.aborted ? failed("stopped") : leftAlone(this.#limiter.restOf(host))
    if (body.kind === "failed") return body
    const outcome = judged(body, parse)
    // What a tracker says of scrapes is not meant for announces.
    if (announce !== undefined && outcome.kind === "failed") {
      if (isOfHost(body.status) && body.retry !== undefined) this.#limiter.rest(host, body.retry)
      if (outcome.retry !== undefined) {
        this.#limiter.announces.add(announce, outcome.retry === "never" ? Number.POSITIVE_INFINITY : outcome.retry)
      }
    }
    return outcome
  }

  /** A proxy for peers may carry datagrams, as the port then says; one for HTTP alone never does. */
  get #withoutDatagrams(): TrackerFailure | undefined {
    if (this.#platform.reach !== "web") return undefined
    return failed("a udp tracker can't be asked through a proxy for HTTP alone", "never")
  }

  /** Ends UDP requests that wait, and closes the sockets. HTTP requests end with their signals. */
  close(): Promise<void> {
    return this.#udp.close()
  }
}

/** A request that waits for its turn with the host. */
interface Turn {
  readonly signal: AbortSignal
  readonly urgent: boolean
  /** Tracker and torrent; undefined for a scrape. */
  readonly announce: string | undefined
  onSent(): void
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

/**
 * Who finds us too fast, or is too busy, is so whoever asks; who is forbidden to ask may be so for one torrent alone, and
 * `retry in` is of what was asked for (BEP 31).
 */
function isOfHost(status: number): boolean {
  return status !== 403
}

function leftAlone(rest: number): TrackerFailure {
  return failed(`it wants to be left alone for ${Math.ceil(rest / 1000)} s more`, rest)
}

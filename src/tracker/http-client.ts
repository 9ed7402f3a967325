import { toHex } from "../bytes/hex.js"
import { type Family, parseIp } from "../bytes/ip.js"
import { withoutBrackets } from "../bytes/url.js"
import type { Platform } from "../ports/platform.js"
import {
  type AnnounceListener,
  type AnnounceOutcome,
  type AnnounceRequest,
  failed,
  REFUSED_WAIT,
  type RetryWish,
  type ScrapeOutcome,
  type TrackerFailure,
} from "./announce.js"
import type { HostLimiter } from "./host-limiter.js"
import {
  announceUrl,
  decodeAnswer,
  type EncryptionSupport,
  failureOf,
  parseHttpAnswer,
  saysPaused,
} from "./http-announce.js"
import { getAnswer, type HttpBody } from "./http-get.js"
import { parseHttpScrape, scrapeUrl } from "./http-scrape.js"
import { OtherFamily, type Repeat } from "./other-family.js"
import type { HttpTarget } from "./tracker-url.js"

/** Speaks with any number of HTTP trackers, as often as the limiter allows. No method rejects. */
export class HttpClient {
  readonly #platform: Pick<Platform, "clock" | "http">
  readonly #limiter: HostLimiter
  readonly #encryption: EncryptionSupport
  readonly #otherFamily: OtherFamily
  /** URLs of trackers that do not know `event=paused` (BEP 21), as chihaya and aquatic. */
  readonly #withoutPaused = new Set<string>()

  constructor(platform: Pick<Platform, "clock" | "http">, limiter: HostLimiter, encryption: EncryptionSupport) {
    this.#platform = platform
    this.#limiter = limiter
    this.#encryption = encryption
    this.#otherFamily = new OtherFamily(platform.clock)
  }

  /**
   * Announces over whichever address family leads to the tracker first, which decides; then over the other one, whose answer
   * goes to `onLate` ({@link OtherFamily}). A goodbye goes over both at once, as far as the tracker heard of us there.
   */
  async announce(
    target: HttpTarget,
    request: AnnounceRequest,
    signal: AbortSignal,
    listener: AnnounceListener,
  ): Promise<AnnounceOutcome> {
    const { host, hostname } = new URL(target.url)
    const key = `${target.url} ${toHex(request.infoHash)}`
    const rest = this.#limiter.announces.of(key)
    if (rest > 0) return leftAlone(rest)
    const leaves = request.event === "stopped"
    const turn = { host, signal, urgent: leaves }
    const repeat: Repeat = {
      key,
      host,
      signal,
      announce: async (family, onRepeated) => {
        const { outcome } = await this.#announce(target, request, { ...turn, family, onSent: onRepeated })
        return this.#limiter.restOf(host) > 0 ? undefined : outcome
      },
    }
    const left = leaves ? this.#otherFamily.leave(repeat) : undefined
    const { outcome, family, retry } = await this.#announce(target, request, {
      ...turn,
      onSent: () => listener.onSent(),
    })
    if (retry !== undefined) this.#limiter.announces.add(key, retry)
    if (outcome.kind === "answered" && !leaves && family !== undefined && !isAddress(hostname)) {
      void this.#otherFamily.tell(repeat, family, (answer) => listener.onLate(answer))
    }
    await left
    return outcome
  }

  /** Asks for the counts of one torrent. */
  async scrape(target: HttpTarget, infoHash: Uint8Array, signal: AbortSignal): Promise<ScrapeOutcome> {
    const url = scrapeUrl(target.url, infoHash)
    if (url === undefined) return failed("the tracker's URL has no form for scrapes")
    const body = await this.#get(url, { host: new URL(url).host, signal, urgent: false, onSent() {} })
    // What a tracker says of scrapes is not meant for announces: nobody else hears of it.
    return body.kind === "failed" ? body : judged(body, (bytes) => parseHttpScrape(bytes, infoHash))
  }

  /** Says that we are a partial seed (BEP 21), but not where `paused` is refused: there nobody would hear of us. */
  async #announce({ url }: HttpTarget, request: AnnounceRequest, turn: Turn): Promise<Announced> {
    const plain = { ...request, stats: { ...request.stats, partialSeed: false } }
    if (!saysPaused(request) || this.#withoutPaused.has(url)) return this.#send(url, plain, turn)
    const announced = await this.#send(url, request, turn)
    if (!announced.refused) return announced
    const again = await this.#send(url, plain, { ...turn, urgent: true })
    if (again.outcome.kind === "answered") this.#withoutPaused.add(url)
    return again
  }

  async #send(tracker: string, request: AnnounceRequest, turn: Turn): Promise<Announced> {
    const body = await this.#get(announceUrl(tracker, request, this.#encryption), turn)
    if (body.kind === "failed") return { outcome: body, refused: false }
    this.#heed(turn.host, toHex(request.infoHash), body)
    const outcome = judged(body, parseHttpAnswer)
    if (outcome.kind === "answered") return { outcome, refused: false, family: body.family }
    const { retry } = outcome
    if (retry === undefined) return { outcome, refused: isGood(body.status) || body.status === 400 }
    return { outcome, refused: false, retry: inMilliseconds(retry) }
  }

  /** Who finds us too fast, or is too busy, is so whoever asks; who is forbidden to ask may be so for one torrent alone. */
  #heed(host: string, torrent: string, { status, retry }: HttpBody): void {
    if (isGood(status)) this.#limiter.served(host)
    else if (status === 403) this.#limiter.forbidden(host, torrent)
    else if (retry !== undefined) this.#limiter.slowDown(host, retry === "later" ? undefined : retry)
  }

  async #get(url: string, { host, signal, urgent, family, onSent }: Turn): Promise<HttpBody | TrackerFailure> {
    const body = await this.#limiter.run(host, { signal, urgent }, () => {
      onSent()
      return getAnswer(this.#platform, url, signal, family)
    })
    return body ?? (signal.aborted ? failed("stopped") : leftAlone(this.#limiter.restOf(host)))
  }
}

/** A request that waits for its turn with the host. */
interface Turn {
  /** Name and port. */
  readonly host: string
  readonly signal: AbortSignal
  readonly urgent: boolean
  /** Undefined: whichever is reached first. */
  readonly family?: Family
  onSent(): void
}

interface Announced {
  readonly outcome: AnnounceOutcome
  /** The tracker did not want what it was told, as it was told. */
  readonly refused: boolean
  /** The one over which it was answered; undefined behind a proxy. */
  readonly family?: Family | undefined
  /** This torrent is not to be announced for so long, ms. */
  readonly retry?: number
}

/** A body counts only with a good status. Else what the tracker says in it, if anything, says more than the status. */
function judged<A extends { readonly kind: "answered" }>(
  body: HttpBody,
  parse: (bytes: Uint8Array) => A | TrackerFailure,
): A | TrackerFailure {
  if (isGood(body.status)) return parse(body.bytes)
  const dictionary = decodeAnswer(body.bytes)
  const said = typeof dictionary === "string" ? undefined : failureOf(dictionary)
  return failed(said?.message ?? `HTTP status ${body.status}`, said?.retry ?? body.retry)
}

function isGood(status: number): boolean {
  return status >= 200 && status < 300
}

function inMilliseconds(retry: RetryWish): number {
  if (retry === "never") return Number.POSITIVE_INFINITY
  return retry === "later" ? REFUSED_WAIT : retry
}

function leftAlone(rest: number): TrackerFailure {
  return failed(`it wants to be left alone for ${Math.ceil(rest / 1000)} s more`, rest)
}

/** A name may have addresses of both families. */
function isAddress(hostname: string): boolean {
  return parseIp(withoutBrackets(hostname)) !== undefined
}

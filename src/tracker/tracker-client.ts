import type { Platform } from "../ports/platform.js"
import {
  type AnnounceListener,
  type AnnounceOutcome,
  type AnnounceRequest,
  failed,
  type ScrapeOutcome,
  type TrackerFailure,
} from "./announce.js"
import { HostLimiter } from "./host-limiter.js"
import type { EncryptionSupport } from "./http-announce.js"
import { HttpClient } from "./http-client.js"
import type { TrackerTarget } from "./tracker-url.js"
import { UdpClient } from "./udp-client.js"

/**
 * Asks trackers, whatever the protocol: one is shared by all that a session runs, and its limiter by all of the process, so
 * that no host is asked too much at a time, nor while it wants to be left alone. No method rejects; what `signal` ends has
 * failed.
 */
export class TrackerClient {
  readonly #platform: Pick<Platform, "reach">
  readonly #udp: UdpClient
  readonly #http: HttpClient

  constructor(
    platform: Pick<Platform, "reach" | "clock" | "random" | "net" | "udp" | "http">,
    limiter = new HostLimiter(platform.clock),
    encryption: EncryptionSupport = "none",
  ) {
    this.#platform = platform
    this.#udp = new UdpClient(platform)
    this.#http = new HttpClient(platform, limiter, encryption)
  }

  /** A goodbye does not wait behind others' announces. An aborted `signal` ends the wait for late answers, too. */
  async announce(
    target: TrackerTarget,
    request: AnnounceRequest,
    signal: AbortSignal,
    listener: AnnounceListener,
  ): Promise<AnnounceOutcome> {
    if (target.kind === "refused") return failed(target.reason, "never")
    if (target.kind === "http") return this.#http.announce(target, request, signal, listener)
    if (this.#withoutDatagrams !== undefined) return this.#withoutDatagrams
    listener.onSent()
    return this.#udp.announce(target, request, signal, (late) => listener.onLate(late))
  }

  async scrape(target: TrackerTarget, infoHash: Uint8Array, signal: AbortSignal): Promise<ScrapeOutcome> {
    if (target.kind === "refused") return failed(target.reason, "never")
    if (target.kind === "http") return this.#http.scrape(target, infoHash, signal)
    return this.#withoutDatagrams ?? this.#udp.scrape(target, infoHash, signal)
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

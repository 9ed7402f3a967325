import { parseIp } from "../../bytes/ip.js"
import { sameBytes } from "../../bytes/same-bytes.js"
import type { Endpoint } from "../../ports/net.js"
import { NO_LISTEN_PORT } from "../../tracker/announce.js"
import { Announcers } from "../../tracker/announcers.js"
import type { TrackerStatus } from "../../tracker/tracker-entry.js"
import { Discoveries } from "../finding/discoveries.js"
import type { PeerOrigin } from "../finding/peer-book.js"
import { mayAnswer } from "../no-sources.js"
import type { SharedParts } from "./shared-parts.js"

const NUM_WANT = 100
/** What trackers are told is left: anything but 0, which would say that we have it all (libtorrent: one block). */
const LEFT = 16384

export interface MetadataSourcesOptions extends SharedParts {
  readonly infoHash: Uint8Array
  /** The first 20 bytes of the v2 infohash, when that is known. */
  readonly infoHashV2?: Uint8Array | undefined
  readonly trackers: readonly (readonly string[])[]
}

/** Who names peers to a fetch: trackers, and the session's searches. `v2`: to who asked for the v2 infohash of a hybrid. */
export class MetadataSources {
  readonly #announcer: Announcers
  readonly #discoveries: Discoveries

  constructor(
    options: MetadataSourcesOptions,
    onPeers: (endpoints: readonly Endpoint[], origin: PeerOrigin, v2: boolean) => void,
  ) {
    const { platform, listenPort, infoHash, infoHashV2 } = options
    // A hybrid has peers under both of its names (BEP 52); a v2 torrent has but one.
    const v2 = infoHashV2 === undefined || sameBytes(infoHash, infoHashV2) ? undefined : infoHashV2
    const infoHashes = [infoHash, ...(v2 === undefined ? [] : [v2])]
    this.#announcer = new Announcers({
      platform,
      client: options.trackerClient,
      trackers: options.trackers,
      infoHashes,
      peerId: options.peerId,
      key: platform.random.below(0xffffffff),
      isPrivate: false,
      hostOf: (named) => ({
        stats: () => ({
          uploaded: 0,
          downloaded: 0,
          left: LEFT,
          port: listenPort ?? NO_LISTEN_PORT,
          numWant: NUM_WANT,
        }),
        onPeers: (endpoints) => onPeers(endpoints, "tracker", named === v2),
        onExternalAddress: (address, tracker) => {
          const bytes = parseIp(address)
          if (bytes !== undefined) options.external.vote(new URL(tracker).hostname, bytes)
        },
      }),
    })
    this.#discoveries = new Discoveries({
      discoveries: options.discoveries ?? [],
      infoHashes,
      onPeers: (endpoints, origin, named) => onPeers(endpoints, origin, named === v2),
    })
  }

  start(): void {
    this.#announcer.start()
  }

  /** To be called every 250 ms. `lastArrival`: clock ms; `known`: addresses of peers */
  tick(now: number, { lastArrival, known }: { lastArrival: number; known: number }): void {
    this.#discoveries.tick({
      now,
      lastArrival,
      wantsPeers: true,
      downloading: true,
      noOtherSource: known === 0 && this.trackers.length === 0,
    })
  }

  /** Peers are wanted now. */
  soon(): void {
    this.#announcer.announceSoon()
    this.#discoveries.soon()
  }

  /** Somebody may yet be named. */
  get hopeful(): boolean {
    return this.#discoveries.hopeful || this.trackers.some(mayAnswer)
  }

  get trackers(): readonly TrackerStatus[] {
    return this.#announcer.status()
  }

  /** How the searches stand. */
  get searches(): readonly string[] {
    return this.#discoveries.status()
  }

  /** From here on trackers alone name peers. */
  endSearches(): void {
    this.#discoveries.close()
  }

  /** Says goodbye to the trackers. */
  stop(): Promise<void> {
    this.#discoveries.close()
    return this.#announcer.stop()
  }

  /** Ends without a goodbye: the torrent goes on under the same peer id. */
  abandon(): Promise<void> {
    this.#discoveries.close()
    return this.#announcer.abandon()
  }
}

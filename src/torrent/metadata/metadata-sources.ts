import { sameBytes } from "../../bytes/same-bytes.js"
import type { Endpoint } from "../../ports/net.js"
import type { Announcers } from "../../tracker/announcers.js"
import type { TrackerStatus } from "../../tracker/tracker-entry.js"
import type { Discoveries } from "../finding/discoveries.js"
import type { PeerOrigin } from "../finding/peer-book.js"
import { makePeerNamers } from "../finding/peer-namers.js"
import { mayAnswer } from "../no-sources.js"
import type { SharedParts } from "../shared-parts.js"

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
    const { infoHash, infoHashV2, discoveries = [] } = options
    // A hybrid has peers under both of its names (BEP 52); a v2 torrent has but one.
    const isHybrid = infoHashV2 !== undefined && !sameBytes(infoHash, infoHashV2)
    const namers = makePeerNamers({
      ...options,
      discoveries,
      secondInfoHash: isHybrid ? infoHashV2 : undefined,
      isPrivate: false,
      stats: () => ({ uploaded: 0, downloaded: 0, left: LEFT, numWant: NUM_WANT }),
      onPeers,
    })
    this.#announcer = namers.announcer
    this.#discoveries = namers.discoveries
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

  /** Ends the searches, and leaves the trackers, which know us, to the torrent. */
  release(): Announcers {
    this.#discoveries.close()
    return this.#announcer
  }
}

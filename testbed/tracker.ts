import { createHttpTracker } from "./tracker-http.js"
import { type Announce, Swarm, type TrackerPeer } from "./tracker-swarm.js"
import { createUdpTracker } from "./tracker-udp.js"

export type { Announce, TrackerPeer } from "./tracker-swarm.js"

/** How the tracker behaves; every field may be changed while it runs. */
export interface TrackerKnobs {
  /**
   * `peers` is an honest answer. `failure` refuses with `reason`. `hang-up` cuts HTTP connections and drops UDP packets;
   * `silent` never answers; `garbage` sends bytes that mean nothing; `html` is a web page with status 200; `error` is
   * status 500, and a UDP error; `stranger` answers a UDP announce with another transaction id.
   */
  answer: "peers" | "failure" | "hang-up" | "silent" | "garbage" | "html" | "error" | "stranger"
  /** Failure or warning text; a warning goes with `peers`. */
  reason: string
  /** Milliseconds before an answer. */
  delay: number
  /** Seconds. */
  interval: number
  /** Seconds; left out when undefined. */
  minInterval: number | undefined
  /** BEP 31, minutes or "never"; left out when undefined. */
  retryIn: number | "never" | undefined
  /** The form of IPv4 and IPv6 peers in HTTP answers: BEP 23 and 7, or BEP 3's list of dictionaries. */
  form: "compact" | "dictionary"
}

export interface TrackerOptions {
  /** 127.0.0.1 when absent; an IPv6 address works as well. */
  host?: string
  /** The port of both HTTP and UDP; free ones when absent. */
  port?: number
  knobs?: Partial<TrackerKnobs>
}

export interface Tracker {
  /** `http://…/announce.php`, as the service's own. */
  readonly httpUrl: string
  /** `udp://…/announce` */
  readonly udpUrl: string
  readonly knobs: TrackerKnobs
  /** Every announce, in the order they came, whatever was answered. */
  readonly announces: readonly Announce[]
  /** Infohashes of every scrape, each as it was asked for. */
  readonly scrapes: readonly (readonly string[])[]
  /** Names a peer that will not announce itself. */
  addPeer(infoHash: string, peer: TrackerPeer): void
  removePeer(infoHash: string, peer: TrackerPeer): void
  /** The first announce, past or to come, that `wanted` accepts. */
  until(wanted: (announce: Announce) => boolean): Promise<Announce>
  close(): Promise<void>
}

/** Starts a tracker that answers over HTTP (BEP 3, 7, 23, 48) and UDP (BEP 15) from one swarm. */
export async function startTracker(options: TrackerOptions = {}): Promise<Tracker> {
  const host = options.host ?? "127.0.0.1"
  const knobs: TrackerKnobs = {
    answer: "peers",
    reason: "",
    delay: 0,
    interval: 1800,
    minInterval: undefined,
    retryIn: undefined,
    form: "compact",
    ...options.knobs,
  }
  const swarm = new Swarm()
  const http = await createHttpTracker(swarm, knobs, host, options.port ?? 0)
  const udp = await createUdpTracker(swarm, knobs, host, options.port ?? 0)
  return {
    httpUrl: http.url,
    udpUrl: udp.url,
    knobs,
    announces: swarm.announces,
    scrapes: swarm.scrapes,
    addPeer: (infoHash, peer) => swarm.add(infoHash, peer),
    removePeer: (infoHash, peer) => swarm.remove(infoHash, peer),
    until: (wanted) => swarm.until(wanted),
    async close() {
      await Promise.all([http.close(), udp.close()])
    },
  }
}

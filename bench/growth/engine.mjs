import { createHash } from "node:crypto"
import { join } from "node:path"
import { FakePeer } from "./fake-peer.mjs"

/** The small half of a hasher. */
export const digester = { digest: (algorithm, data) => createHash(algorithm).update(data).digest() }

/** One block a piece: nothing hides the cost of a piece. */
export const PIECE_LENGTH = 16_384
/** The torrent's tick, ms. */
const TICK = 250

/**
 * A whole torrent at work, but for disk, hashes and network: pieces are right as they come, peers are objects, and time
 * goes on when it is told to.
 */
export class Engine {
  /** @type {FakePeer[]} those that were connected to */
  peers = []
  #clock = new ManualClock()
  #store
  #session
  #torrent

  /**
   * @param {string} dist the build
   * @param {object} metainfo as parsed
   * @param {((piece: number) => boolean | "all" | "none")[]} has one a peer: all pieces, none, or those it says
   */
  static async start(dist, metainfo, has) {
    const modules = ["session/session.js", "storage/slots.js", "bytes/bitfield.js", "torrent/finding/admission.js"]
    const [{ Session }, slots, { Bitfield }, { Admission }] = await Promise.all(
      modules.map((file) => import(join(dist, file))),
    )
    // A torrent keeps to 80 peers; what more would cost is the question here.
    Admission.prototype.mayConnect = () => true
    const engine = new Engine()
    engine.#store = new FakeStore(metainfo.layout, slots, Bitfield)
    const net = {
      connect: (remote, listener) => {
        const peer = new FakePeer(remote, listener, metainfo, has[engine.peers.length])
        engine.peers.push(peer)
        return peer
      },
      listen: async () => ({ port: 6881, close: async () => {} }),
    }
    const platform = {
      clock: engine.#clock,
      random: new FakeRandom(),
      net,
      hasher: digester,
      log: { log() {} },
    }
    engine.#session = await Session.open({ platform, clientVersion: "growth", port: 6881 })
    engine.#torrent = engine.#session.add({
      metainfo,
      store: engine.#store,
      trackers: [],
      webSeeds: [],
      peers: has.map((_, i) => ({ host: `10.0.${i >> 8}.${i & 255}`, port: 6881 })),
      fetch: true,
      seed: true,
    })
    // The connection stands; the handshakes.
    await engine.#round()
    await engine.#round()
    return engine
  }

  /** Pieces that are there. */
  get stored() {
    return this.#store.stored
  }

  /** Peers that are connected. */
  get connected() {
    return this.#torrent.snapshot().peers.connected
  }

  tick() {
    this.#clock.advance(TICK)
  }

  /** Lets the peers answer until nothing more happens, or `count` pieces are stored. */
  async deliver(count = Infinity) {
    while (this.stored < count && (await this.#round(count)));
  }

  /** Each peer answers what it was asked before. False when nobody was. */
  async #round(count = Infinity) {
    let answered = false
    for (const peer of this.peers) if (this.stored < count && peer.deliver()) answered = true
    // What the torrent does at the end of its turn.
    await new Promise(setImmediate)
    return answered
  }
}

class ManualClock {
  #now = 0
  #timers = new Set()

  now() {
    return this.#now
  }

  wallTime() {
    return this.#now
  }

  after(delay, fn) {
    const timer = { at: this.#now + delay, fn, cancel: () => this.#timers.delete(timer) }
    this.#timers.add(timer)
    return timer
  }

  advance(milliseconds) {
    this.#now += milliseconds
    for (const timer of [...this.#timers]) {
      if (timer.at > this.#now || !this.#timers.delete(timer)) continue
      timer.fn()
    }
  }
}

/** Takes every piece for right, and keeps none. */
class FakeStore {
  stored = 0

  constructor(layout, { Slots, slotBudget }, Bitfield) {
    this.have = new Bitfield(layout.pieceCount)
    this.wanted = new Bitfield(layout.pieceCount)
    this.wanted.fill()
    this.slots = new Slots({ pieceLength: layout.pieceLength, budget: slotBudget(layout.pieceLength) })
  }

  async commit() {
    this.stored++
    return { kind: "stored" }
  }

  async close() {}
}

/** xorshift32 (Marsaglia 2003): fast, so that chance is not what is measured. */
class FakeRandom {
  #state = 2463534242

  below(limit) {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) % limit
  }

  bytes(length) {
    return Uint8Array.from({ length }, () => this.below(256))
  }
}

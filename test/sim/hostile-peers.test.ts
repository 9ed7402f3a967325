import { describe, expect, it } from "vitest"
import { DONT_HAVE_ID } from "../../src/peer/extension-ids.js"
import type { ByteStream, StreamListener } from "../../src/ports/net.js"
import type { Platform } from "../../src/ports/platform.js"
import { WireDecoder } from "../../src/wire/decoder.js"
import { encodeDontHave } from "../../src/wire/dont-have.js"
import { WireEncoder } from "../../src/wire/encoder.js"
import { encodeHandshake, HANDSHAKE_LENGTH } from "../../src/wire/handshake.js"
import { concat } from "../support/bytes.js"
import { RecordingSink } from "../unit/wire/calls.js"
import { serveFiles } from "./lib/serve-files.js"
import { putDataset, type SimDataset, simDataset, wrongFiles } from "./lib/sim-dataset.js"
import { startNode } from "./lib/sim-node.js"
import { createSimulation, type Simulation } from "./lib/simulation.js"

const KiB = 1024
const MiB = 1024 * KiB
/** Virtual ms. */
const SECOND = 1000
const LIMIT = 600 * SECOND
const BLOCK = 16 * KiB
const PIECE = 256 * KiB
const LENGTH = 2 * MiB
const PORT = 6881

type Voice = Pick<HostilePeer, "encoder" | "say" | "after" | "dataset">
type Request = readonly [piece: number, begin: number, length: number]

/** What it does when it is asked for a block; and once, when all are connected. */
interface Habit {
  readonly asked?: (peer: Voice, request: Request) => void
  readonly begin?: (peer: Voice) => void
}

/** A peer that has everything, by its own account, lets everybody ask, and then does as it likes. */
class HostilePeer implements StreamListener {
  readonly encoder = new WireEncoder()
  readonly dataset: SimDataset
  readonly #platform: Platform
  readonly #stream: ByteStream
  readonly #habit: Habit
  readonly #decoder: WireDecoder
  readonly #ears = new RecordingSink()
  #handshakeLeft = HANDSHAKE_LENGTH
  #open = true

  constructor(platform: Platform, dataset: SimDataset, { stream, habit }: { stream: ByteStream; habit: Habit }) {
    this.#platform = platform
    this.dataset = dataset
    this.#stream = stream
    this.#habit = habit
    this.#decoder = new WireDecoder(this.#ears, dataset.metainfo.layout.pieceCount)
  }

  get open(): boolean {
    return this.#open
  }

  onOpen(): void {}

  onData(chunk: Uint8Array): void {
    const head = Math.min(this.#handshakeLeft, chunk.length)
    this.#handshakeLeft -= head
    if (head > 0 && this.#handshakeLeft === 0) this.#greet()
    this.#decoder.push(chunk.subarray(head))
    for (const [name, ...values] of this.#ears.calls.splice(0)) {
      if (name === "request") this.#habit.asked?.(this, values as unknown as Request)
    }
  }

  onDrain(): void {}

  onClose(): void {
    this.#open = false
  }

  /** Sends what was encoded, and what follows it. */
  readonly say = (...more: readonly Uint8Array[]): void => {
    const bytes = this.encoder.takeBytes() ?? new Uint8Array(0)
    if (this.#open) this.#stream.write(concat([bytes, ...more]))
  }

  after(ms: number, fn: () => void): void {
    this.#platform.clock.after(ms, () => {
      if (this.#open) fn()
    })
  }

  #greet(): void {
    const id = new Uint8Array(20).fill(this.#stream.remote.port & 255)
    id.set(this.#platform.random.bytes(8), 12)
    this.#stream.write(encodeHandshake(this.dataset.metainfo.infoHash, id))
    this.encoder.haveAll()
    this.encoder.unchoke()
    this.say()
    this.#habit.begin?.(this)
  }
}

const fileOf = ({ files }: SimDataset): Uint8Array => files.get("data/a.bin")!

function sendPart({ encoder, say, dataset }: Voice, [piece, begin, length]: Request, part: number): void {
  encoder.pieceHeader(piece, begin, length)
  const offset = piece * PIECE + begin
  say(fileOf(dataset).subarray(offset, offset + part))
}

const again = (peer: Voice, ms: number, fn: () => void): void => {
  fn()
  peer.after(ms, () => again(peer, ms, fn))
}

const HABITS: Readonly<Record<string, Habit>> = {
  "answer nothing": {},
  "refuse everything at once": {
    asked: ({ encoder, say }, request) => {
      encoder.rejectRequest(...request)
      say()
    },
  },
  "refuse everything after 15 s": {
    asked: (peer, request) =>
      peer.after(15 * SECOND, () => {
        peer.encoder.rejectRequest(...request)
        peer.say()
      }),
  },
  "send one byte of a block every five seconds": {
    asked: (() => {
      const busy = new WeakSet<Voice>()
      return (peer: Voice, request: Request) => {
        if (busy.has(peer)) return
        busy.add(peer)
        sendPart(peer, request, 1)
        again(peer, 5 * SECOND, () => peer.say(Uint8Array.of(0)))
      }
    })(),
  },
  "choke and unchoke without end": {
    begin: (peer) =>
      again(peer, 100, () => {
        peer.encoder.choke()
        peer.encoder.unchoke()
        peer.say()
      }),
  },
  "send every block but the last of each piece": {
    asked: (peer, request) => {
      if (request[1] + request[2] < PIECE) sendPart(peer, request, request[2])
    },
  },
  "send all but the last byte of each block": {
    asked: (() => {
      const busy = new WeakSet<Voice>()
      return (peer: Voice, request: Request) => {
        if (busy.has(peer)) return
        busy.add(peer)
        sendPart(peer, request, request[2] - 1)
      }
    })(),
  },
  "send blocks of no length": {
    asked: ({ encoder, say }, [piece, begin]) => {
      encoder.pieceHeader(piece, begin, 0)
      say()
    },
  },
  "say that they lost each piece that they are asked for, and have it again": {
    asked: ({ encoder, say }, [piece]) => {
      encoder.extended(DONT_HAVE_ID, encodeDontHave(piece))
      encoder.have(piece)
      say()
    },
  },
  "send wrong bytes": {
    asked: ({ encoder, say }, [piece, begin, length]) => {
      encoder.pieceHeader(piece, begin, length)
      say(new Uint8Array(length).fill(7))
    },
  },
  "send other blocks than those they are asked for": {
    asked: ({ encoder, say }, [piece, begin, length]) => {
      encoder.pieceHeader(piece, (begin + BLOCK) % PIECE, length)
      say(new Uint8Array(length).fill(7))
    },
  },
}

/** Five peers of one habit, and one source that is honest: until all is there, virtual ms. */
async function timeWith(simulation: Simulation, habit: Habit, honest: "peer" | "web seed"): Promise<number> {
  const web = "http://10.0.1.1"
  const dataset = simDataset(
    { "a.bin": LENGTH },
    { pieceLength: PIECE, webSeeds: honest === "web seed" ? [`${web}/`] : [] },
  )
  const peers = []
  for (let n = 0; n < 5; n++) {
    const platform = simulation.platform(`10.0.9.${n + 1}`, { latency: 5 })
    await simulation.runUntil(
      platform.net.listen({ port: PORT }, (stream) => new HostilePeer(platform, dataset, { stream, habit })),
      LIMIT,
    )
    peers.push({ host: `10.0.9.${n + 1}`, port: PORT })
  }
  const closing: (() => Promise<void>)[] = []
  if (honest === "web seed") {
    simulation.machine("10.0.1.1", { up: MiB / 2, latency: 20 })
    simulation.web.serve(web, serveFiles(new Map([["/data/a.bin", fileOf(dataset)]])))
  } else {
    const platform = simulation.platform("10.0.0.2", { up: MiB / 2, latency: 20 })
    putDataset(platform, dataset)
    const seed = await simulation.runUntil(startNode({ platform, dataset, fetch: false, seed: true }), LIMIT)
    peers.push({ host: "10.0.0.2", port: PORT })
    closing.push(() => seed.close())
  }
  const platform = simulation.platform("10.0.0.1", { latency: 5 })
  const node = await simulation.runUntil(startNode({ platform, dataset, peers }), LIMIT)
  const start = simulation.clock.now()
  await simulation.runUntil(node.torrent.whenComplete(), LIMIT)
  const time = simulation.clock.now() - start
  await simulation.runUntil(node.close(), LIMIT)
  for (const close of closing) await simulation.runUntil(close(), LIMIT)
  expect(wrongFiles(platform, dataset)).toEqual([])
  expect(platform.clock.pendingTimers).toBe(0)
  return time
}

/** What the honest source alone needs. */
const ALONE = (LENGTH / (MiB / 2)) * SECOND

describe.each(["peer", "web seed"] as const)("beside one honest %s, five peers that", (honest) => {
  it.each(Object.entries(HABITS))("%s cost seconds", async (_, habit) => {
    const simulation = createSimulation({ seed: 1 })
    const time = await timeWith(simulation, habit, honest)
    expect(time).toBeLessThan(ALONE + 10 * SECOND)
  })
})

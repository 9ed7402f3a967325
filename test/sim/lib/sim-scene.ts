import { type FileFault, serveFiles } from "./serve-files.js"
import { putDataset, simDataset, wrongFiles } from "./sim-dataset.js"
import { type SimNode, startNode } from "./sim-node.js"
import { createSimulation } from "./simulation.js"
import type { HostProfile, VirtualHost } from "./virtual-network.js"
import type { WebOrigin } from "./virtual-web.js"

/** Virtual ms. */
const SECOND = 1000
const LIMIT = 600_000
const SINK = "10.0.0.1"
const WEB = "10.9.0.1"
const OTHER_WEB = "10.9.0.2"

/** One downloader, whose own link is no limit, and those from whom it gets a file. Bytes, and bytes a second. */
export interface Scene {
  readonly length: number
  readonly pieceLength: number
  /** The links of the seeders. */
  readonly peers?: readonly Partial<HostProfile>[]
  /** What happens to the first seeder's machine, so many ms after the start. */
  readonly peerEvents?: readonly (readonly [number, (peer: VirtualHost) => void])[]
  /** The link of the web seed; without it there is none. */
  readonly web?: Partial<HostProfile>
  /** The link of a second one, with which nothing goes wrong. */
  readonly otherWeb?: Partial<HostProfile>
  /** What goes wrong with an answer of the web seed; `elapsed` tells the ms since the start, now and later. */
  readonly fault?: (elapsed: () => number) => FileFault | undefined
  /** What happens to the web seed's machine, so many ms after the start. */
  readonly events?: readonly (readonly [number, (web: VirtualHost) => void])[]
  readonly seed?: number
}

export interface SceneOutcome {
  /** From the start to the last verified byte. */
  readonly seconds: number
  readonly fromPeers: number
  readonly fromWebSeeds: number
  readonly wasted: number
  /** Asked of both web seeds together. */
  readonly requests: number
}

/** Plays a download to its end. Every byte is compared. */
export async function playScene(scene: Scene): Promise<SceneOutcome> {
  const simulation = createSimulation({ seed: scene.seed ?? 1 })
  const webSeeds = [
    ...(scene.web === undefined ? [] : [`http://${WEB}/`]),
    ...(scene.otherWeb === undefined ? [] : [`http://${OTHER_WEB}/`]),
  ]
  const dataset = simDataset({ "a.bin": scene.length }, { pieceLength: scene.pieceLength, webSeeds })
  const seeders: SimNode[] = []
  for (const [index, link] of (scene.peers ?? []).entries()) {
    const platform = simulation.platform(`10.0.1.${index + 1}`, link)
    putDataset(platform, dataset)
    seeders.push(await simulation.runUntil(startNode({ platform, dataset, fetch: false, seed: true }), LIMIT))
  }

  const start = simulation.clock.now()
  for (const [at, happens] of scene.peerEvents ?? []) {
    const { host } = simulation.machine("10.0.1.1", scene.peers?.[0] ?? {})
    simulation.clock.after(at, () => happens(host))
  }
  const webs: WebOrigin[] = []
  const files = new Map([...dataset.files].map(([path, bytes]) => [`/${path}`, bytes]))
  if (scene.otherWeb !== undefined) {
    simulation.machine(OTHER_WEB, scene.otherWeb)
    webs.push(simulation.web.serve(`http://${OTHER_WEB}`, serveFiles(files)))
  }
  if (scene.web !== undefined) {
    const { host } = simulation.machine(WEB, scene.web)
    const fault = () => scene.fault?.(() => simulation.clock.now() - start)
    webs.push(simulation.web.serve(`http://${WEB}`, serveFiles(files, { fault })))
    for (const [at, happens] of scene.events ?? []) simulation.clock.after(at, () => happens(host))
  }
  const platform = simulation.platform(SINK, { latency: 0 })
  const peers = seeders.map((_, index) => ({ host: `10.0.1.${index + 1}`, port: 6881 }))
  const node = await simulation.runUntil(startNode({ platform, dataset, peers }), LIMIT)
  await simulation.runUntil(node.torrent.whenComplete(), LIMIT)
  const seconds = (simulation.clock.now() - start) / SECOND
  const { fromPeers, fromWebSeeds, wasted } = node.torrent.snapshot()
  await simulation.runUntil(Promise.all([node, ...seeders].map((one) => one.close())), LIMIT)
  const wrong = wrongFiles(platform, dataset)
  if (wrong.length > 0) throw new Error(`wrong bytes: ${wrong.join(", ")}`)
  const requests = webs.reduce((sum, web) => sum + web.requests.length, 0)
  return { seconds, fromPeers, fromWebSeeds, wasted, requests }
}

/** Seconds that `length` bytes take at rates that change: each `[rate, until]` holds up to that second. */
export function idealSeconds(length: number, phases: readonly (readonly [number, number])[]): number {
  let left = length
  let from = 0
  for (const [rate, until] of phases) {
    if (left <= rate * (until - from)) return from + left / rate
    left -= rate * (until - from)
    from = until
  }
  throw new Error("the last phase ends too soon")
}

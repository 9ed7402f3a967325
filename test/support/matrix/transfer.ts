import { cp, mkdtemp, open } from "node:fs/promises"
import { join } from "node:path"
import { expect } from "vitest"
import { type DhtBackbone, startDhtBackbone } from "../dht-backbone.js"
import { addAddresses, type Netns, openNetnsPair, refuseTcp, routeMulticast } from "../netns.js"
import { lastProgress } from "../partners/academictorrents.js"
import {
  academictorrents,
  type DownloadJob,
  type Partner,
  type Running,
  transmission,
  webtorrent,
} from "../partners/index.js"
import type { Place } from "../places.js"
import { WITHOUT_EMPTY_FILES } from "../samples.js"
import { differences } from "../trees.js"
import type { MatrixSample } from "./samples.js"
import type { Column, Direction } from "./table.js"

/**
 * Seconds that one transfer may take. libtorrent tries a peer that did not answer again after sixty. rtorrent 0.9.8 misreads the
 * peers that the DHT names (it dials 54.58.…, which is "6:"): it has to be found, once for the metadata and, a minute later, for
 * the data, which takes 130 in all.
 */
const MAX_SECONDS = 240

const ADDRESSES = ["10.77.0.1", "10.77.0.2"] as const

/** Where the nodes of the DHT are: of a network a client asks few, so each has its own; one asks at this port alone. */
const NODES = Array.from({ length: 20 }, (_, i) => ({ host: `10.77.${i + 1}.1`, port: 6881 }))

/** Where a download is resumed, the rest of this file of the sample is zeros from there on: half of all. */
const HALF = { file: "a.bin", from: 250_000, length: 750_003 }

export interface Transfer {
  readonly partner: Partner
  readonly column: Column
  readonly sample: MatrixSample
  /** Folders for what is downloaded are made in it. */
  readonly folder: string
}

/** One transfer between us and a client, each a host of its own. Every byte and what the column asks is checked. */
export async function transfer(direction: Direction, job: Transfer): Promise<void> {
  const [ours, theirs] = await openNetnsPair(ADDRESSES)
  try {
    if (job.column.udpAlone) {
      await Promise.all([refuseTcp(ours), refuseTcp(theirs)])
    }
    // Others leave the choice of the interface to the routes; we do not need one.
    if (job.column.lsd) await routeMulticast(theirs)
    const places = { ours: { host: ADDRESSES[0], netns: ours }, theirs: { host: ADDRESSES[1], netns: theirs } }
    if (job.column.dht) await throughDht(ours, (dht) => TRANSFERS[direction](job, places, dht))
    else await TRANSFERS[direction](job, places)
  } finally {
    await Promise.all([ours.close(), theirs.close()])
  }
}

const TRANSFERS = { get, give }

type Parties = Record<"ours" | "theirs", Place>

/** Runs a DHT at one end of the cable. */
async function throughDht(netns: Netns, work: (dht: DhtBackbone) => Promise<void>): Promise<void> {
  await addAddresses(
    netns,
    NODES.map(({ host }) => `${host}/16`),
  )
  const dht = await startDhtBackbone(NODES, { netns })
  try {
    await work(dht)
  } finally {
    await dht.stop()
  }
}

/** How a client gets into the DHT. */
function throughNodes(dht: DhtBackbone | undefined): Pick<DownloadJob, "dht" | "dhtNodes"> {
  return dht === undefined ? {} : { dht: dht.entry, dhtNodes: NODES }
}

/** How whoever downloads finds the source: it is named, or has told the DHT of itself, or will be heard. */
async function waysTo(
  source: Running,
  { lsd }: Column,
  dht: DhtBackbone | undefined,
): Promise<Pick<DownloadJob, "peers" | "dht" | "dhtNodes" | "lsd">> {
  if (lsd) return { lsd }
  if (dht === undefined) return { peers: [source] }
  await dht.announced()
  return throughNodes(dht)
}

/** We download from the client. */
async function get(job: Transfer, { ours, theirs }: Parties, dht?: DhtBackbone): Promise<void> {
  const { partner, column, sample } = job
  const { torrentPath, dataDir, path, name, length } = sample
  const { magnet } = column
  const outDir = await startOf(job)
  const { lsd } = column
  const source = await partner.seed({ torrentPath, dataDir, ...throughNodes(dht), lsd, ...column.theirs, ...theirs })
  try {
    const ways = await waysTo(source, column, dht)
    const options = column.ours ?? []
    const getter = await academictorrents.get({ torrentPath, magnet, outDir, ...ways, options, ...ours })
    try {
      await getter.program.succeeded(MAX_SECONDS)
      if (column.said !== undefined) expect(getter.program.output).toMatch(column.said)
      if (column.resumed) expect(lastProgress(getter.program)?.fromPeers).toBeLessThan(0.6 * length)
    } finally {
      await getter.stop()
    }
  } finally {
    await source.stop()
  }
  expect(await differences(path, join(outDir, name))).toEqual([])
}

/** The client downloads from us. */
async function give(job: Transfer, { ours, theirs }: Parties, dht?: DhtBackbone): Promise<void> {
  const { partner, column, sample } = job
  const { torrentPath, dataDir, path, name, length } = sample
  const outDir = await startOf(job)
  const options = column.ours ?? []
  const { lsd } = column
  const giver = await academictorrents.seed({ torrentPath, dataDir, dht: dht?.entry, lsd, options, ...ours })
  try {
    const ways = await waysTo(giver, column, dht)
    const { magnet, resumed: resume = false } = column
    const asked = { torrentPath, magnet, outDir, resume, ...ways, maxSeconds: MAX_SECONDS }
    await partner.download({ ...asked, ...column.theirs, ...theirs }).catch((error: unknown) => {
      // What the client says is with the error; with it, what we said of it.
      throw giver.program.failure(String(error))
    })
    if (column.said !== undefined) expect(giver.program.output).toMatch(column.said)
    if (column.resumed) expect(lastProgress(giver.program)?.uploaded).toBeLessThan(0.6 * length)
  } finally {
    await giver.stop()
  }
  const found = await differences(path, join(outDir, name))
  expect(found.filter((line) => !isHarmless(line, job))).toEqual([])
}

/** What these clients leave out; webtorrent, where no piece lies around an empty file. */
const NO_EMPTY_FILES: readonly Partner[] = [transmission, webtorrent]

/** Clients that know nothing of padding make files of it. */
function isHarmless(difference: string, { partner, sample }: Transfer): boolean {
  return (
    (NO_EMPTY_FILES.includes(partner) && WITHOUT_EMPTY_FILES.includes(difference)) ||
    (sample.padded === true && difference.startsWith("only in the second: .pad/"))
  )
}

/** The folder that a download begins with: empty, or half there. */
async function startOf({ column, sample, folder }: Transfer): Promise<string> {
  const outDir = await mkdtemp(join(folder, "out-"))
  if (column.resumed) {
    await cp(sample.path, join(outDir, sample.name), { recursive: true })
    const file = await open(join(outDir, sample.name, HALF.file), "r+")
    await file.write(Buffer.alloc(HALF.length), 0, HALF.length, HALF.from)
    await file.close()
  }
  return outDir
}

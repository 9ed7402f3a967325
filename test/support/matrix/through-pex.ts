import { mkdtemp } from "node:fs/promises"
import { join } from "node:path"
import { expect } from "vitest"
import { openNetnsLan } from "../netns.js"
import { academictorrents, type Partner, type Running } from "../partners/index.js"
import { differences } from "../trees.js"
import type { MatrixSample } from "./samples.js"
import type { Direction } from "./table.js"

/** As on the internet: among local addresses libtorrent has no limits, and names nobody to strangers. */
const [GETTER, MIDDLE, SOURCE] = ["5.0.0.1", "5.0.0.2", "5.0.0.3"]

/** Bytes a second that whoever is in the middle gets from the source: it has not even one piece of 4 MiB when the test is over. */
const SLOW = 16 * 1024

/** Seconds: transmission names peers every ninety, others every sixty. */
const MAX_SECONDS = 200

export interface Exchange {
  readonly partner: Partner
  /** Our options. */
  readonly options: readonly string[]
  readonly sample: MatrixSample
  /** Folders for what is downloaded are made in it. */
  readonly folder: string
}

/**
 * Three hosts: whoever downloads knows only the one in the middle, which has nothing and is too slow to get anything, but is
 * connected to the source and says so (BEP 11). The source is ours, and hears no such words itself. `get`: we download, and the
 * client is in the middle; `give`: the other way round.
 */
export async function throughPex(direction: Direction, { partner, options, sample, folder }: Exchange): Promise<void> {
  const { torrentPath, dataDir, path, name } = sample
  const lan = await openNetnsLan([GETTER!, MIDDLE!, SOURCE!])
  const [getter, middle, source] = lan.hosts.map((netns) => ({ host: netns.addresses[0]!, netns }))
  const [outDir, nothing] = [await mkdtemp(join(folder, "out-")), await mkdtemp(join(folder, "middle-"))]
  const running: Running[] = []
  const keep = async (starting: Promise<Running>): Promise<Running> => {
    const one = await starting
    running.push(one)
    return one
  }
  try {
    await lan.slowDown(2, 1, SLOW)
    const common = { torrentPath, pex: true, maxSeconds: MAX_SECONDS + 60 }
    const seed = await keep(academictorrents.seed({ ...common, ...source, dataDir, options: [...options, "--no-pex"] }))
    const between = { ...common, ...middle, peers: [seed] }
    const namer = await keep(
      direction === "get"
        ? partner.seed({ ...between, dataDir: nothing, partial: true })
        : academictorrents.get({ ...between, outDir: nothing, options }),
    )
    await seed.program.until(/peer: 5\.0\.0\.2:\d+: connected/)
    const asked = { ...common, ...getter, outDir, peers: [namer], maxSeconds: MAX_SECONDS }
    await (direction === "get" ? academictorrents.download({ ...asked, options }) : partner.download(asked))
  } finally {
    await Promise.all(running.map((one) => one.stop()))
    await lan.close()
  }
  expect(await differences(path, join(outDir, name))).toEqual([])
}

import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, beforeEach, expect, it } from "vitest"
import { type Netns, netnsMissing, openNetns } from "../support/netns.js"
import { academictorrents, describeWith, nginx } from "../support/partners/index.js"
import { startNameServer } from "../support/partners/name-server.js"
import { type Sample, sampleOf } from "../support/samples.js"
import { differences } from "../support/trees.js"

const WEB = "198.51.100.1"
const SMALL_FILES = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${i}.bin`, 20_000]))

describeWith("names that no name server answers for", [{ missing: netnsMissing }, nginx], () => {
  let folder: string
  let sample: Sample
  let opened: Netns
  const cleanUps: (() => Promise<unknown>)[] = []

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "interop-names-"))
    cleanUps.push(() => rm(folder, { recursive: true, force: true }))
    sample = await sampleOf(folder, "set", SMALL_FILES, 64 * 1024)
    opened = await openNetns([WEB])
    cleanUps.push(() => opened.close())
  })

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })

  /** A namespace whose name server is silent of these names, and leads all others to {@link WEB}. */
  async function startNames(silent: RegExp): Promise<Netns> {
    const names = await startNameServer({ netns: opened, folder, address: WEB, silent })
    cleanUps.push(() => names.stop())
    return names.netns
  }

  it("hold up neither the sources that do answer nor the end", async () => {
    const netns = await startNames(/\.dead\.org$/)
    const web = await nginx.start({ root: sample.dataDir, host: WEB, netns })
    cleanUps.push(() => web.stop())
    const got = await academictorrents.download({
      torrentPath: sample.torrentPath,
      outDir: folder,
      netns,
      urls: [
        ...Array.from({ length: 8 }, (_, i) => `http://www${i}.dead.org/`),
        web.url.replace(WEB, "good.example.org"),
      ],
      tracker: "udp://tracker.dead.org:6969/announce",
      secondTracker: "http://announce.dead.org/announce",
      maxSeconds: 60,
    })
    expect(await differences(sample.path, got)).toEqual([])
  })

  it("do not keep a second signal from ending at once, where name servers are silent altogether", async () => {
    const { program, stop } = await academictorrents.get({
      torrentPath: sample.torrentPath,
      outDir: folder,
      netns: await startNames(/./),
      urls: ["http://www.dead.org/"],
      maxSeconds: 60,
    })
    cleanUps.push(stop)
    // The system's lookup is under way by then, and nothing stops it.
    await program.until(/no name server answers/)
    const exited = program.terminate().then(() => true)
    await program.until(/"message":"stopped"/)
    // One that comes too soon may be the first one, sent twice; and the lookup would take two minutes more.
    let hasEnded = false
    for (let sent = 0; sent < 40 && !hasEnded; sent++) {
      program.terminate().catch(() => {})
      hasEnded = await Promise.race([exited, sleep(500, false)])
    }
    expect(hasEnded).toBe(true)
  })
})

import { existsSync, symlinkSync } from "node:fs"
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises"
import { networkInterfaces, tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe } from "vitest"
import { nodeClock } from "../../src/node/clock.js"
import { createDetour, type Detour } from "../../src/node/detour.js"
import { NodeDisk } from "../../src/node/disk.js"
import { DiskThread } from "../../src/node/disk-thread.js"
import { NodeHasher, type NodeHasherOptions } from "../../src/node/hasher.js"
import { NodeHttp } from "../../src/node/http.js"
import { acquireLock } from "../../src/node/lock-file.js"
import { createMulticast } from "../../src/node/multicast.js"
import { NodeRandom } from "../../src/node/random.js"
import { NodeNet } from "../../src/node/tcp.js"
import { nodeUdp } from "../../src/node/udp.js"
import type { WebDetour } from "../../src/node/web-detour.js"
import { type RunningProxy, startProxy } from "../support/partners/proxy.js"
import { type RealWebServer, startWebServer } from "../support/web-server.js"
import { describeClockCompliance } from "./clock.js"
import { describeDiskCompliance } from "./disk.js"
import { describeHasherCompliance } from "./hasher.js"
import { describeHttpCompliance } from "./http.js"
import { describeLockCompliance } from "./lock.js"
import { describeMulticastCompliance } from "./multicast.js"
import { describeNetCompliance } from "./net.js"
import { describeRandomCompliance } from "./random.js"
import type { Stage } from "./stage.js"
import { describeUdpCompliance } from "./udp.js"

const NAME = "Node"

/** On the machine time passes by itself. */
function stage<T>(subject: T, end?: () => Promise<void>): Stage<T> {
  const run = <R>(scenario: Promise<R>) => scenario
  return end === undefined ? { subject, run } : { subject, run, end }
}

async function stageInFolder<T>(subjectOf: (folder: string) => T, end?: (subject: T) => Promise<void>) {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "at-compliance-")))
  await mkdir(`${folder}/root`)
  const subject = subjectOf(`${folder}/root`)
  return stage(subject, async () => {
    await end?.(subject)
    await rm(folder, { recursive: true })
  })
}

const hasherStage = (options: NodeHasherOptions) =>
  stageInFolder(
    (root) => ({
      hasher: new NodeHasher(options),
      disk: new NodeDisk(),
      root,
      link: (path: string, target: string) => symlinkSync(target, path),
    }),
    ({ hasher }) => hasher.close(),
  )

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === "::1"))
const addresses = { 4: "127.0.0.1", 6: hasIpv6 ? "::1" : undefined }

describeClockCompliance(NAME, () => stage(nodeClock))
describeRandomCompliance(NAME, () => stage(new NodeRandom()))

describeHasherCompliance(`${NAME}, in workers`, () => {
  const workerUrl = new URL("../../dist/node/hash-worker.cjs", import.meta.url)
  if (!existsSync(workerUrl)) throw new Error("hash workers need the build: npm run build")
  return hasherStage({ workerUrl, bytesBeforeWorkers: 0 })
})

describeHasherCompliance(`${NAME}, without workers`, () =>
  hasherStage({ bytesBeforeWorkers: Number.POSITIVE_INFINITY }),
)

describeLockCompliance(NAME, () => stageInFolder((folder) => ({ acquireLock, folder })))

function describeDisk(name: string, makeThread: () => DiskThread): void {
  describeDiskCompliance(name, async () => {
    const disk = new NodeDisk(makeThread())
    const inFolder = await stageInFolder((root) => ({
      disk,
      root,
      link: (path: string, target: string) => symlinkSync(target, path),
      fullFile: existsSync("/dev/full") ? "/dev/full" : undefined,
    }))
    return stage(inFolder.subject, async () => {
      await disk.close()
      await inFolder.end?.()
    })
  })
}

describeDisk(`${NAME}, without a worker`, () => new DiskThread(undefined, Number.POSITIVE_INFINITY))
describeDisk(`${NAME}, lists in a worker`, () => {
  const workerUrl = new URL("../../dist/node/disk-worker.cjs", import.meta.url)
  if (!existsSync(workerUrl)) throw new Error("the disk worker needs the build: npm run build")
  return new DiskThread(workerUrl, 0)
})

describeNetCompliance(NAME, () => stage({ clock: nodeClock, client: new NodeNet(), server: new NodeNet(), addresses }))
for (const kind of ["socks5", "http"] as const) {
  describe(`through a proxy, ${kind}`, () => {
    let proxy: RunningProxy
    let detour: Detour
    beforeAll(async () => {
      proxy = await startProxy({ kind, login: "us%er:pa:ss" })
      const url = `${kind}://us%25er:pa%3Ass@127.0.0.1:${proxy.port}`
      detour = createDetour({ all: url, none: "localhost" })!
    })
    afterAll(() => proxy.stop())

    describeNetCompliance(NAME, () => stage({ clock: nodeClock, client: detour.net, server: new NodeNet(), addresses }))
    describeHttp(() => detour.web)
  })
}

describeUdpCompliance(NAME, () => stage({ udp: nodeUdp, addresses }))

// By the loopback interface alone: nothing leaves this machine. IPv6 mostly has no route for it there.
const onLoopback = () =>
  createMulticast((family) =>
    family === 4 ? [{ address: "127.0.0.1", name: "127.0.0.1", networks: ["127.0.0.1/8"] }] : [],
  )
describeMulticastCompliance(NAME, () =>
  stage({ multicast: onLoopback(), neighbour: onLoopback(), addresses: { 4: "127.0.0.1", 6: undefined } }),
)

describeHttp(() => undefined)

function describeHttp(detour: () => WebDetour | undefined): void {
  describeHttpCompliance(NAME, () => {
    const http = new NodeHttp({ detour: detour() })
    const servers: RealWebServer[] = []
    const subject = {
      http,
      clock: nodeClock,
      // Port 9, "discard", is served nowhere any more.
      deadOrigin: "http://127.0.0.1:9",
      serve: async (handler: Parameters<typeof startWebServer>[0]) => {
        const server = await startWebServer(handler)
        servers.push(server)
        return server
      },
    }
    return stage(subject, async () => {
      await http.close()
      await Promise.all(servers.map((server) => server.close()))
    })
  })
}

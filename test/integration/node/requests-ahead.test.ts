import { once } from "node:events"
import { createServer as createHttpServer } from "node:http"
import { type AddressInfo, createServer, type Server } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { nodeClock } from "../../../src/node/clock.js"
import { NodeHttp } from "../../../src/node/http.js"
import { RangeSession, type WebSeedFault } from "../../../src/webseed/range-session.js"
import { WebSeed } from "../../../src/webseed/web-seed.js"
import { seededRandom } from "../../support/seeded-random.js"
import { type BenchFile, contentOf, metainfoOf } from "../../support/web-seed-bench.js"

const cleanUps: Array<() => unknown> = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  cleanUps.push(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/pub/`
}

/** Runs over one web seed. `pausing`: after each chunk that comes from the server. */
function runs(url: string, metainfo: ReturnType<typeof metainfoOf>) {
  const http = new NodeHttp()
  cleanUps.push(() => http.close())
  const seed = new WebSeed({ url, metainfo, clock: nodeClock, random: seededRandom(1), log: { log: () => {} } })
  const { layout } = metainfo
  return (offset: number, end: number, pausing: boolean): Promise<{ bytes: Buffer; fault?: WebSeedFault }> =>
    new Promise((resolve) => {
      const got: Uint8Array[] = []
      const session: RangeSession = new RangeSession({
        ...{ seed, http, clock: nodeClock, offset, end },
        listener: {
          onBytes: (chunk) => {
            got.push(chunk.slice())
            if (!pausing || layout.files[layout.fileAt(session.position - chunk.length)]!.padding) return
            session.pause()
            setTimeout(() => session.resume(), 5)
          },
          onDone: () => resolve({ bytes: Buffer.concat(got) }),
          onFault: (fault) => resolve({ bytes: Buffer.concat(got), fault }),
        },
      })
      session.start()
    })
}

describe("requests sent ahead", () => {
  it.each([true, false])("bring each file to its place through any pauses (padding: %s)", async (padded) => {
    const files = Array.from({ length: 12 }, (): BenchFile[] => [
      { length: 1000 },
      ...(padded ? [{ length: 15_384, padding: true }] : []),
    ]).flat()
    const metainfo = metainfoOf("folder", files)
    const content = contentOf(metainfo)
    let [connections, requests] = [0, 0]
    const server = createHttpServer(({ url = "", headers }, response) => {
      requests++
      const file = metainfo.layout.files[Number(/f(\d+)$/.exec(url)![1])]!
      const [, from, to] = /bytes=(\d+)-(\d+)/.exec(headers.range!)!
      const body = content.slice(file.offset + Number(from), file.offset + Number(to) + 1)
      response.writeHead(206, { "content-range": `bytes ${from}-${to}/${file.length}`, "content-length": body.length })
      response.end(body)
    })
    server.on("connection", () => connections++)
    const run = runs(await listen(server), metainfo)
    await run(0, 1000, false)
    const { bytes } = await run(0, content.length, true)
    expect(bytes.equals(content)).toBe(true)
    expect([connections, requests]).toEqual([1, 13])
  })

  it("are not answered before they are sent: such a server is given up, however many answers it has ready", async () => {
    const files = 20_000
    const metainfo = metainfoOf(
      "folder",
      Array.from({ length: files }, () => ({ length: 1 })),
    )
    const answer = Buffer.from("HTTP/1.1 200\r\ncontent-length:1\r\n\r\nX")
    let asked = 0
    const server = createServer((socket) => {
      socket.on("error", () => {})
      socket.on("data", () => socket.write(++asked === 1 ? answer : Buffer.concat(Array(files).fill(answer))))
    })
    const run = runs(await listen(server), metainfo)
    expect(await run(0, 1, false)).toMatchObject({ bytes: { length: 1 } })
    const { bytes, fault } = await run(1, files, false)
    expect(fault).toMatchObject({ kind: "wrong-answer" })
    expect(bytes.length).toBeLessThan(100)
  })
})

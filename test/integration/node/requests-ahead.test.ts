import { once } from "node:events"
import { createServer as createHttpServer } from "node:http"
import { type AddressInfo, createServer, type Server } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { nodeClock } from "../../../src/node/clock.js"
import { NodeHttp } from "../../../src/node/http.js"
import { RangeSession } from "../../../src/webseed/range-session.js"
import type { WebSeedFault } from "../../../src/webseed/run-listener.js"
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

  it.each([1, 2, 3, 4, 5])("bring all through whatever the server breaks off, and where (%i)", async (luck) => {
    const random = seededRandom(luck)
    const metainfo = metainfoOf(
      "folder",
      Array.from({ length: 100 }, () => ({ length: 1 + random.below(20_000) })),
    )
    const content = contentOf(metainfo)
    const part = (bytes: Uint8Array): Buffer[] =>
      bytes.length === 0
        ? []
        : [Buffer.from(`${bytes.length.toString(16)}\r\n`), Buffer.from(bytes), Buffer.from("\r\n")]
    const answerTo = (head: string, close: boolean): Buffer => {
      const file = metainfo.layout.files[Number(/f(\d+) HTTP/.exec(head)![1])]!
      const [, from, to] = /bytes=(\d+)-(\d+)/.exec(head)!
      const body = content.slice(file.offset + Number(from), file.offset + Number(to) + 1)
      const early = random.below(5) === 0 ? "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" : ""
      const start = `${early}HTTP/1.1 206 Part\r\nContent-Range: bytes ${from}-${to}/${file.length}\r\n`
      const heads = `${start}${close ? "Connection: close\r\n" : ""}`
      if (random.below(2) === 0)
        return Buffer.concat([Buffer.from(`${heads}Content-Length: ${body.length}\r\n\r\n`), body])
      const cut = random.below(body.length)
      const chunks = [...part(body.subarray(0, cut)), ...part(body.subarray(cut)), Buffer.from("0\r\n\r\n")]
      return Buffer.concat([Buffer.from(`${heads}Transfer-Encoding: chunked\r\n\r\n`), ...chunks])
    }
    const server = createServer({ noDelay: true }, (socket) => {
      socket.on("error", () => {})
      let text = ""
      let answered = 0
      socket.on("data", (bytes) => {
        text += bytes.toString("latin1")
        for (let end = text.indexOf("\r\n\r\n"); end >= 0 && socket.writable; end = text.indexOf("\r\n\r\n")) {
          // Each connection brings something, and the run something first, or the source would be left alone for a while.
          const trouble = answered++ < 3 ? -1 : random.below(60)
          const answer = answerTo(text.slice(0, end), trouble === 4)
          text = text.slice(end + 4)
          const begun = answer.subarray(0, random.below(answer.length))
          if (trouble === 0) socket.end()
          else if (trouble === 1) socket.resetAndDestroy()
          else if (trouble === 2) socket.end(begun)
          else if (trouble === 3) socket.end("HTTP/1.1 408 Too Late\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
          else if (trouble === 4) socket.end(answer)
          else {
            socket.write(begun)
            socket.write(answer.subarray(begun.length))
          }
        }
      })
    })
    const run = runs(await listen(server), metainfo)
    expect((await run(0, 1, false)).fault).toBeUndefined()
    const { bytes, fault } = await run(1, content.length, luck % 2 === 0)
    expect(fault).toBeUndefined()
    expect(bytes.equals(content.subarray(1))).toBe(true)
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

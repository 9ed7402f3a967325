import { describe, expect } from "vitest"
import type { Clock } from "../../src/ports/clock.js"
import type { Http, HttpError, HttpExchange, HttpHead, HttpListener, HttpRequest } from "../../src/ports/http.js"
import { serveFiles } from "../sim/lib/serve-files.js"
import type { WebHandler, WebRequest } from "../sim/lib/virtual-web.js"
import { concat, fingerprint } from "../support/bytes.js"
import { holds, type MakeStage, Waiter } from "./stage.js"

/** A web server that a test puts up for itself. */
export interface TestServer {
  /** `http://host:port`. */
  readonly origin: string
  readonly requests: readonly Pick<WebRequest, "path" | "headers">[]
  readonly connections: number
}

export interface HttpSubject {
  readonly http: Http
  readonly clock: Clock
  serve(handler: WebHandler): Promise<TestServer>
  /** Where nobody listens. */
  readonly deadOrigin: string
}

type Outcome = "end" | HttpError

/** Hears one exchange, notes everything, and checks what must always hold. */
class Answer implements HttpListener {
  head: HttpHead | undefined
  readonly chunks: Uint8Array[] = []
  outcome: Outcome | undefined
  exchange: HttpExchange | undefined
  react: ((event: "head" | "data") => void) | undefined
  #inside = true
  readonly #waiter = new Waiter()

  static get(http: Http, request: Partial<HttpRequest> & { url: string }, react?: Answer["react"]): Answer {
    const answer = new Answer()
    answer.react = react
    answer.exchange = http.get({ idleTimeout: 10_000, ...request }, answer)
    answer.#inside = false
    return answer
  }

  /** Undefined when it can't be sent behind the other. */
  static behind(before: Answer, request: Partial<HttpRequest> & { url: string }): Answer | undefined {
    const answer = new Answer()
    answer.exchange = before.exchange!.follow({ idleTimeout: 10_000, ...request }, answer)
    answer.#inside = false
    return answer.exchange && answer
  }

  onHead(head: HttpHead): void {
    this.#check(this.head === undefined)
    this.head = head
    this.react?.("head")
    this.#waiter.notify()
  }

  onData(chunk: Uint8Array): void {
    this.#check(this.head !== undefined)
    this.chunks.push(chunk.slice())
    this.react?.("data")
    this.#waiter.notify()
  }

  onEnd(): void {
    this.#check(this.head !== undefined)
    this.outcome = "end"
    this.#waiter.notify()
  }

  onError(error: HttpError): void {
    this.#check(true)
    this.outcome = error
    this.#waiter.notify()
  }

  get body(): Uint8Array {
    return concat(this.chunks)
  }

  until(ready: () => boolean): Promise<void> {
    return this.#waiter.until(ready)
  }

  async done(): Promise<Outcome> {
    await this.until(() => this.outcome !== undefined)
    return this.outcome!
  }

  #check(inOrder: boolean): void {
    if (this.#inside) throw new Error("heard from inside the call")
    if (this.outcome !== undefined) throw new Error("heard after the end")
    if (!inOrder) throw new Error("heard out of order")
  }
}

const BODY = new Uint8Array(3_000_000).map((_, i) => (i ^ (i >> 8) ^ (i >> 16)) & 0xff)

function redirect(status: number, location: string): ReturnType<WebHandler> {
  return { status, headers: { location } }
}

/** What `src/ports/http.ts` promises, against a server of plain HTTP. */
export function describeHttpCompliance(name: string, make: MakeStage<HttpSubject>): void {
  describe(`http of ${name}`, () => {
    holds("brings head, body and end in this order", make, async ({ http, serve }) => {
      const server = await serve(() => ({ status: 200, headers: { "X-Custom": "Some Value" }, body: BODY }))
      const answer = Answer.get(http, { url: `${server.origin}/some%20path?q=1` })
      expect(await answer.done()).toBe("end")
      expect(answer.head).toMatchObject({ status: 200 })
      expect(answer.head!.headers).toMatchObject({ "x-custom": "Some Value", "content-length": String(BODY.length) })
      expect(fingerprint(answer.body)).toBe(fingerprint(BODY))
      expect(server.requests.map(({ path }) => path)).toEqual(["/some path"])
    })

    holds("brings a body of unannounced length", make, async ({ http, serve }) => {
      const parts = Array.from({ length: 50 }, (_, i) => BODY.subarray(i * 1000, i * 1000 + 1000))
      const server = await serve(() => ({ status: 200, body: parts }))
      const answer = Answer.get(http, { url: server.origin })
      expect(await answer.done()).toBe("end")
      expect(fingerprint(answer.body)).toBe(fingerprint(BODY.subarray(0, 50_000)))
    })

    holds("takes any status as an answer, with a body or without", make, async ({ http, serve }) => {
      const server = await serve(({ path }) => ({ status: Number(path.slice(1)), body: BODY.subarray(0, 10) }))
      for (const status of [200, 206, 400, 403, 404, 416, 500, 503]) {
        const answer = Answer.get(http, { url: `${server.origin}/${status}` })
        expect(await answer.done()).toBe("end")
        expect(answer.head).toMatchObject({ status })
        expect(answer.body).toHaveLength(10)
      }
      const empty = await serve(() => ({ status: 200 }))
      const answer = Answer.get(http, { url: empty.origin })
      expect(await answer.done()).toBe("end")
      expect(answer.chunks).toHaveLength(0)
    })

    holds(
      "sends the headers it is given, and says what it is and that it wants bytes as they are",
      make,
      async (subject) => {
        const server = await subject.serve(() => ({ status: 200 }))
        const plain = Answer.get(subject.http, { url: server.origin })
        await plain.done()
        const own = Answer.get(subject.http, {
          url: server.origin,
          headers: { "user-agent": "me", range: "bytes=5-9" },
        })
        await own.done()
        expect(server.requests[0]!.headers).toMatchObject({
          host: new URL(server.origin).host,
          "accept-encoding": "identity",
          "user-agent": expect.any(String) as string,
        })
        expect(server.requests[1]!.headers).toMatchObject({ "user-agent": "me", range: "bytes=5-9" })
      },
    )

    holds("keeps to one family of addresses where that is asked for, and says which it was", make, async (subject) => {
      const { http, serve } = subject
      const server = await serve(() => ({ status: 200 }))
      const free = Answer.get(http, { url: server.origin })
      expect(await free.done()).toBe("end")
      // A proxy finds the addresses itself.
      const proxied = free.head!.family === undefined
      const own = Answer.get(http, { url: server.origin, family: 4 })
      expect(await own.done()).toBe("end")
      expect(own.head!.family).toBe(proxied ? undefined : 4)
      const other = Answer.get(http, { url: server.origin, family: 6 })
      if (proxied) expect(await other.done()).toBe("end")
      else expect(await other.done()).toMatchObject({ failure: "network" })
      expect(server.requests).toHaveLength(proxied ? 3 : 2)
    })

    holds("asks for ranges", make, async ({ http, serve }) => {
      const server = await serve(serveFiles({ "/file": BODY }))
      const answer = Answer.get(http, { url: `${server.origin}/file`, headers: { range: "bytes=1000000-1999999" } })
      expect(await answer.done()).toBe("end")
      expect(answer.head).toMatchObject({ status: 206 })
      expect(answer.head!.headers).toMatchObject({ "content-range": "bytes 1000000-1999999/3000000" })
      expect(fingerprint(answer.body)).toBe(fingerprint(BODY.subarray(1_000_000, 2_000_000)))
    })

    holds("uses a connection again, and several for requests at once", make, async ({ http, serve }) => {
      const server = await serve(serveFiles({ "/file": BODY.subarray(0, 100_000) }))
      const url = `${server.origin}/file`
      for (let i = 0; i < 4; i++) expect(await Answer.get(http, { url }).done()).toBe("end")
      expect(server.connections).toBe(1)
      const answers = Array.from({ length: 5 }, () => Answer.get(http, { url }))
      for (const answer of answers) {
        expect(await answer.done()).toBe("end")
        expect(fingerprint(answer.body)).toBe(fingerprint(BODY.subarray(0, 100_000)))
      }
      expect(server.connections).toBeLessThanOrEqual(5)
    })

    holds("sends requests behind each other, and brings the answers in their order", make, async (subject) => {
      const { http, serve } = subject
      const files = Object.fromEntries([1, 2, 3, 4].map((i) => [`/${i}`, BODY.subarray(i, i * 50_000)]))
      const server = await serve(serveFiles(files))
      expect(await Answer.get(http, { url: `${server.origin}/1` }).done()).toBe("end")
      const ends: number[] = []
      const first = Answer.get(http, { url: `${server.origin}/1` })
      await first.until(() => first.head !== undefined || first.outcome !== undefined)
      const answers = [first]
      for (const i of [2, 3, 4]) {
        const next = Answer.behind(answers.at(-1)!, { url: `${server.origin}/${i}` })
        // Where it can't be, as over TLS or through a proxy, that is said at once.
        if (next === undefined) break
        answers.push(next)
      }
      for (const [i, answer] of answers.entries()) {
        expect(await answer.done()).toBe("end")
        ends.push(i)
        expect(answers.slice(0, i).every(({ outcome }) => outcome === "end")).toBe(true)
        expect(fingerprint(answer.body)).toBe(fingerprint(files[`/${i + 1}`]!))
      }
      expect(server.connections).toBeLessThanOrEqual(2)
    })

    holds("sends nothing behind a request to another origin, of a stranger, or that is over", make, async (subject) => {
      const { http, serve } = subject
      const [server, other] = [await serve(serveFiles({ "/f": BODY })), await serve(serveFiles({ "/f": BODY }))]
      expect(await Answer.get(http, { url: `${server.origin}/f` }).done()).toBe("end")
      const first = Answer.get(http, { url: `${server.origin}/f` })
      await first.until(() => first.head !== undefined)
      expect(Answer.behind(first, { url: `${other.origin}/f` })).toBeUndefined()
      expect(Answer.behind(first, { url: `${server.origin}/f`, namedByUser: true })).toBeUndefined()
      expect(await first.done()).toBe("end")
      expect(Answer.behind(first, { url: `${server.origin}/f` })).toBeUndefined()
    })

    holds("fails what was sent behind an answer that breaks off, or that leads elsewhere", make, async (subject) => {
      const { http, serve, clock } = subject
      const server = await serve(({ path }) => {
        if (path === "/cut") return { status: 200, body: BODY, cutAfter: 1000, delay: 100 }
        if (path === "/moved") return { status: 302, headers: { location: "/ok" }, delay: 100 }
        return { status: 200, body: BODY.subarray(0, 100) }
      })
      for (const [path, outcome] of [
        ["/cut", { failure: "network" }],
        ["/moved", "end"],
      ] as const) {
        expect(await Answer.get(http, { url: `${server.origin}/ok` }).done()).toBe("end")
        const first = Answer.get(http, { url: `${server.origin}${path}` })
        // Where connections are found in time, it has one by now, and no answer yet.
        await new Promise<void>((resolve) => void clock.after(20, resolve))
        const behind = Answer.behind(first, { url: `${server.origin}/behind` })
        if (typeof outcome === "string") expect(await first.done()).toBe(outcome)
        else expect(await first.done()).toMatchObject(outcome)
        if (behind === undefined) continue
        expect(await behind.done()).toMatchObject({ failure: "network" })
        expect(behind.head).toBeUndefined()
      }
    })

    holds("fails when nobody listens", make, async ({ http, deadOrigin }) => {
      const answer = Answer.get(http, { url: deadOrigin })
      expect(await answer.done()).toMatchObject({ name: "HttpError", failure: "network" })
      expect(answer.head).toBeUndefined()
    })

    holds("fails when the connection breaks before the answer or in its middle", make, async ({ http, serve }) => {
      const cut = { status: 200, body: BODY, cutAfter: 1_000_000 }
      const server = await serve(({ path }) => (path === "/reset" ? "reset" : cut))
      const early = Answer.get(http, { url: `${server.origin}/reset` })
      expect(await early.done()).toMatchObject({ failure: "network" })
      const late = Answer.get(http, { url: `${server.origin}/cut` })
      expect(await late.done()).toMatchObject({ failure: "network" })
      expect(late.head).toMatchObject({ status: 200 })
      expect(fingerprint(late.body)).toBe(fingerprint(BODY.subarray(0, late.body.length)))
      expect(late.body.length).toBeLessThanOrEqual(1_000_000)
    })

    holds("fails when a body of unannounced length breaks off", make, async ({ http, serve }) => {
      const server = await serve(() => ({ status: 200, body: [BODY], cutAfter: 100_000 }))
      expect(await Answer.get(http, { url: server.origin }).done()).toMatchObject({ failure: "network" })
    })

    holds("believes the announced length: less is a failure, and more is never handed on", make, async (subject) => {
      const { http, serve } = subject
      const server = await serve(({ path }) => ({
        status: 200,
        headers: { "content-length": "1000" },
        body: BODY.subarray(0, path === "/less" ? 999 : 1001),
        ...(path === "/less" && { cutAfter: 999 }),
      }))
      expect(await Answer.get(http, { url: `${server.origin}/less` }).done()).toMatchObject({ failure: "network" })
      // Whether the surplus is noticed before the end depends on how the network cuts the bytes.
      const more = Answer.get(http, { url: `${server.origin}/more` })
      const outcome = await more.done()
      // A proxy that notices it first just ends.
      if (outcome !== "end") expect(outcome).toMatchObject({ failure: expect.stringMatching(/malformed|network/) })
      expect(more.body).toEqual(BODY.subarray(0, outcome === "end" ? 1000 : more.body.length))
      expect(more.body.length).toBeLessThanOrEqual(1000)
      expect(await Answer.get(http, { url: `${server.origin}/more` }).done()).toBeDefined()
    })

    holds("times out when nothing comes, at the beginning and in the middle", make, async ({ http, serve }) => {
      const stall = { status: 200, body: BODY, stallAfter: 1000 }
      const server = await serve(({ path }) => (path === "/silence" ? "silence" : stall))
      const silent = Answer.get(http, { url: `${server.origin}/silence`, idleTimeout: 150 })
      const stalled = Answer.get(http, { url: `${server.origin}/stall`, idleTimeout: 150 })
      expect(await silent.done()).toMatchObject({ failure: "timeout" })
      expect(await stalled.done()).toMatchObject({ failure: "timeout" })
      expect(silent.head).toBeUndefined()
    })

    holds(
      "waits longer for the head where it is told to, and no longer for the rest",
      make,
      async ({ http, serve }) => {
        const server = await serve(() => ({ status: 200, body: BODY, delay: 400, stallAfter: 1000 }))
        const url = `${server.origin}/slow`
        const short = Answer.get(http, { url, idleTimeout: 150 })
        expect(await short.done()).toMatchObject({ failure: "timeout" })
        expect(short.head).toBeUndefined()
        const long = Answer.get(http, { url, idleTimeout: 150, headTimeout: 600_000 })
        expect(await long.done()).toMatchObject({ failure: "timeout" })
        expect(long.head).toMatchObject({ status: 200 })
      },
    )

    holds("is silent while paused, does not time out then, and brings the rest after resume", make, async (subject) => {
      const { http, serve, clock } = subject
      const server = await serve(serveFiles({ "/file": BODY }))
      const answer = Answer.get(http, { url: `${server.origin}/file`, idleTimeout: 300 }, (event) => {
        if (event === "data" && answer.chunks.length === 1) answer.exchange!.pause()
      })
      await answer.until(() => answer.chunks.length === 1)
      await new Promise<void>((resolve) => void clock.after(700, resolve))
      expect(answer.chunks).toHaveLength(1)
      expect(answer.outcome).toBeUndefined()
      answer.exchange!.resume()
      expect(await answer.done()).toBe("end")
      expect(fingerprint(answer.body)).toBe(fingerprint(BODY))
    })

    holds("brings a body intact through any number of pauses", make, async ({ http, serve, clock }) => {
      const server = await serve(serveFiles({ "/file": BODY }))
      let isPaused = false
      const answer = Answer.get(http, { url: `${server.origin}/file` }, () => {
        expect(isPaused).toBe(false)
        isPaused = true
        answer.exchange!.pause()
        clock.after(0, () => {
          isPaused = false
          answer.exchange!.resume()
        })
      })
      expect(await answer.done()).toBe("end")
      expect(fingerprint(answer.body)).toBe(fingerprint(BODY))
    })

    holds("says nothing more after abort, whenever it comes", make, async ({ http, serve }) => {
      const server = await serve(serveFiles({ "/file": BODY }))
      const url = `${server.origin}/file`
      const atOnce = Answer.get(http, { url })
      atOnce.exchange!.abort()
      const inHead = Answer.get(http, { url }, () => inHead.exchange!.abort())
      const inData = Answer.get(http, { url }, (event) => {
        if (event === "data") inData.exchange!.abort()
      })
      const paused = Answer.get(http, { url }, (event) => {
        if (event === "head") paused.exchange!.pause()
      })
      await inData.until(() => inData.chunks.length > 0)
      await inHead.until(() => inHead.head !== undefined)
      await paused.until(() => paused.head !== undefined)
      paused.exchange!.abort()
      for (let i = 0; i < 3; i++) await Answer.get(http, { url }).done()
      for (const answer of [atOnce, inHead, inData, paused]) {
        expect(answer.outcome).toBeUndefined()
        answer.exchange!.abort()
        answer.exchange!.pause()
        answer.exchange!.resume()
      }
      expect(atOnce.head).toBeUndefined()
      expect(inHead.chunks).toHaveLength(0)
      expect(inData.chunks).toHaveLength(1)
      expect(paused.chunks).toHaveLength(0)
    })

    holds("follows redirects of every kind with its headers", make, async ({ http, serve }) => {
      const target = await serve(serveFiles({ "/end": BODY.subarray(0, 1000) }))
      const server = await serve(({ path }) => redirect(Number(path.slice(1)), `${target.origin}/end`))
      for (const status of [301, 302, 303, 307, 308]) {
        const answer = Answer.get(http, { url: `${server.origin}/${status}`, headers: { range: "bytes=10-19" } })
        expect(await answer.done()).toBe("end")
        expect(answer.head).toMatchObject({ status: 206 })
        expect(answer.body).toEqual(BODY.subarray(10, 20))
      }
    })

    holds("follows five redirects, also relative ones, and no sixth", make, async ({ http, serve }) => {
      const server = await serve(({ path }) => {
        const left = Number(path.slice(1))
        return left === 0 ? { status: 200, body: BODY.subarray(0, 5) } : redirect(302, `./${left - 1}`)
      })
      const five = Answer.get(http, { url: `${server.origin}/5` })
      expect(await five.done()).toBe("end")
      expect(five.head).toMatchObject({ status: 200 })
      const six = Answer.get(http, { url: `${server.origin}/6` })
      expect(await six.done()).toMatchObject({ failure: "redirect" })
      expect(six.head).toBeUndefined()
    })

    holds("fails on a redirect to nowhere, or to what is no web page", make, async ({ http, serve }) => {
      const server = await serve(({ path }) =>
        path === "/nowhere" ? { status: 302 } : redirect(302, path === "/file" ? "file:///etc/passwd" : "http://["),
      )
      for (const path of ["nowhere", "file", "broken"]) {
        const answer = Answer.get(http, { url: `${server.origin}/${path}` })
        expect(await answer.done()).toMatchObject({ failure: "redirect" })
      }
    })

    holds("never goes to link-local and metadata addresses, asked or redirected", make, async ({ http, serve }) => {
      const server = await serve(() => redirect(302, "http://169.254.169.254/latest/meta-data"))
      for (const url of [
        server.origin,
        "http://169.254.169.254/",
        "http://[fe80::1]/",
        "http://metadata.google.internal/",
      ]) {
        const answer = Answer.get(http, { url })
        expect(await answer.done()).toMatchObject({ failure: "unsafe-address" })
      }
    })

    holds("fails on what is no web address", make, async ({ http }) => {
      for (const url of ["", "seed.example", "ftp://seed.example/", "http://", "file:///etc/passwd"]) {
        expect(await Answer.get(http, { url }).done()).toMatchObject({ failure: "malformed" })
      }
    })

    holds("closes its idle connections", make, async ({ http, serve }) => {
      const server = await serve(() => ({ status: 200, body: BODY.subarray(0, 10) }))
      expect(await Answer.get(http, { url: server.origin }).done()).toBe("end")
      await http.close()
      await http.close()
    })
  })
}

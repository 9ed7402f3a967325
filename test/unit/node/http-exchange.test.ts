import { afterEach, expect, it, vi } from "vitest"
import { NodeExchange } from "../../../src/node/http-exchange.js"
import type { Sent, Transport, TransportListener } from "../../../src/node/http-transport.js"
import type { HttpError } from "../../../src/ports/http.js"

afterEach(() => {
  vi.useRealTimers()
})

const nothing = (): void => {}

/** A transport whose answers are given by hand. `givenUp`: the paths of requests that were. */
function byHand() {
  const listeners: TransportListener[] = []
  const givenUp: string[] = []
  const sent = (path: string): Sent => ({
    ...{ reused: false, family: 4, pause: nothing, resume: nothing },
    abort: () => givenUp.push(path),
    follow: (to) => sent(to.pathname),
  })
  const transport: Transport = {
    send: (to, _headers, _host, listener) => {
      listeners.push(listener)
      return sent(to.pathname)
    },
    close: nothing,
  }
  return { transport, listeners, givenUp }
}

/** Answers by URL: a status, or where it redirects to. Returns what was asked for, of hosts of which class, and how it ended. */
async function get(url: string, answers: Readonly<Record<string, number | string>>, namedByUser = false) {
  const asked: string[] = []
  const classes: string[] = []
  const transport: Transport = {
    send: (to, _headers, host, listener) => {
      asked.push(to.href)
      classes.push(host)
      queueMicrotask(() => {
        const answer = answers[to.href]
        if (typeof answer === "string") listener.onHead(302, { location: answer })
        else listener.onHead(answer ?? 404, {})
        listener.onEnd()
      })
      return { reused: false, family: 4, pause: nothing, resume: nothing, abort: nothing, follow: () => undefined }
    },
    close: () => {},
  }
  const outcome = await new Promise<number | HttpError>((resolve) => {
    const listener = {
      onHead: ({ status }: { status: number }) => resolve(status),
      onData: () => {},
      onEnd: () => {},
      onError: resolve,
    }
    NodeExchange.get({ url, idleTimeout: 10_000, namedByUser }, listener, () => transport)
  })
  return { asked, classes, outcome }
}

it("never follows a redirect from https to http", async () => {
  const { asked, outcome } = await get("https://a.example/", { "https://a.example/": "http://a.example/" })
  expect(outcome).toMatchObject({ failure: "redirect", message: expect.stringContaining("from https to http") })
  expect(asked).toEqual(["https://a.example/"])
})

it("follows one from http to https, and within https", async () => {
  const { asked, outcome } = await get("http://a.example/", {
    "http://a.example/": "https://a.example/",
    "https://a.example/": "https://b.example/x",
    "https://b.example/x": 200,
  })
  expect(outcome).toBe(200)
  expect(asked).toHaveLength(3)
})

it("takes a host for a local one while it stays at the origin that the user named, and never again after that", async () => {
  const answers = {
    "http://lab.example/": "/data",
    "http://lab.example/data": "http://lab.example:81/",
    "http://lab.example:81/": "http://lab.example/back",
    "http://lab.example/back": 200,
  }
  const named = await get("http://lab.example/", answers, true)
  expect(named).toMatchObject({ outcome: 200, classes: ["local", "local", "public", "public"] })
  expect((await get("http://lab.example/", answers)).classes).toEqual(["public", "public", "public", "public"])
})

it("takes the same host by https for the one that the user named by http, at their usual ports alone", async () => {
  const classesOf = async (url: string, to: string) => (await get(url, { [new URL(url).href]: to }, true)).classes
  expect(await classesOf("http://lab.example/", "https://lab.example/")).toEqual(["local", "local"])
  expect(await classesOf("http://lab.example:80/", "https://lab.example:443/")).toEqual(["local", "local"])
  for (const [url, to] of [
    ["http://lab.example/", "https://lab.example:8443/"],
    ["http://lab.example:8080/", "https://lab.example/"],
    ["http://lab.example/", "https://www.lab.example/"],
  ] as const) {
    expect(await classesOf(url, to)).toEqual(["local", "public"])
  }
})

it("lets no public name redirect into a private network, whoever named it", async () => {
  const { outcome } = await get("http://lab.example/", { "http://lab.example/": "http://10.0.0.1/" }, true)
  expect(outcome).toMatchObject({ failure: "unsafe-address" })
})

it("reads what comes with a redirect no further than a new connection would cost, and not for long", () => {
  vi.useFakeTimers()
  const { transport, listeners, givenUp } = byHand()
  const silent = { onHead: nothing, onData: nothing, onEnd: nothing, onError: nothing }
  const exchange = NodeExchange.get({ url: "http://a.example/1", idleTimeout: 10_000 }, silent, () => transport)
  listeners[0]!.onHead(302, { location: "/2" })
  listeners[0]!.onData(new Uint8Array(64 * 1024))
  expect(givenUp).toEqual([])
  listeners[0]!.onData(new Uint8Array(1))
  expect(givenUp).toEqual(["/1"])
  listeners[1]!.onHead(302, { location: "/3" })
  vi.advanceTimersByTime(2_000)
  expect(givenUp).toEqual(["/1", "/2"])
  exchange.abort()
  expect(givenUp).toEqual(["/1", "/2", "/3"])
})

it("is followed on its connection by no request for a place that the user named, unless it is one", () => {
  const { transport } = byHand()
  const silent = { onHead: nothing, onData: nothing, onEnd: nothing, onError: nothing }
  const request = { url: "http://a.example/1", idleTimeout: 10_000 }
  const exchange = NodeExchange.get(request, silent, () => transport)
  expect(exchange.follow({ ...request, namedByUser: true }, silent)).toBeUndefined()
  expect(exchange.follow({ ...request, url: "http://b.example/1" }, silent)).toBeUndefined()
  expect(exchange.follow(request, silent)).toBeDefined()
  exchange.abort()
})

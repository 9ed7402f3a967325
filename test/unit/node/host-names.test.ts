import type { LookupAddress } from "node:dns"
import { describe, expect, it } from "vitest"
import { HostNames } from "../../../src/node/host-names.js"
import { VirtualClock } from "../../sim/lib/virtual-clock.js"
import { type Deferred, deferred } from "../../support/deferred.js"

const HERE: LookupAddress[] = [{ address: "198.51.100.1", family: 4 }]

function setUp() {
  const clock = new VirtualClock()
  const asked: { name: string; answer: Deferred<LookupAddress[]> }[] = []
  const names = new HostNames((name) => {
    const answer = deferred<LookupAddress[]>()
    asked.push({ name, answer })
    return answer.promise
  }, clock)
  const pass = (time: number): Promise<void> =>
    clock.runUntil(new Promise<void>((resolve) => clock.after(time, resolve)))
  /** What comes of a name. */
  const outcome = (name: string): Promise<unknown> => names.find(name).catch((error: unknown) => error)
  return { clock, asked, pass, outcome }
}

const unknown = () => Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" })

describe("host names", () => {
  it("are asked for once, however many connect to one host", async () => {
    const { asked, outcome } = setUp()
    const found = Promise.all([outcome("a.example"), outcome("a.example"), outcome("b.example")])
    expect(asked.map(({ name }) => name)).toEqual(["a.example", "b.example"])
    for (const { answer } of asked) answer.resolve(HERE)
    expect(await found).toEqual([HERE, HERE, HERE])
  })

  it("are remembered for a minute", async () => {
    const { asked, pass, outcome } = setUp()
    const first = outcome("a.example")
    asked[0]!.answer.resolve(HERE)
    await first
    await pass(59_000)
    expect(await outcome("a.example")).toEqual(HERE)
    expect(asked).toHaveLength(1)
    await pass(1_000)
    void outcome("a.example")
    expect(asked).toHaveLength(2)
  })

  it("that lead nowhere are asked for again ten seconds later", async () => {
    const { asked, pass, outcome } = setUp()
    const first = outcome("a.example")
    asked[0]!.answer.reject(unknown())
    expect(await first).toMatchObject({ code: "ENOTFOUND" })
    await pass(9_000)
    expect(await outcome("a.example")).toMatchObject({ code: "ENOTFOUND" })
    expect(asked).toHaveLength(1)
    await pass(1_000)
    void outcome("a.example")
    expect(asked).toHaveLength(2)
  })

  it("without an answer fail after eight seconds, and are not asked for again while one may come", async () => {
    const { clock, asked, pass, outcome } = setUp()
    const silence = { code: "EAI_AGAIN", hostname: "a.example", message: "no name server answers for a.example" }
    expect(await clock.runUntil(outcome("a.example"))).toMatchObject(silence)
    expect(clock.now()).toBe(8_000)
    await pass(100_000)
    expect(await outcome("a.example")).toMatchObject(silence)
    expect(asked).toHaveLength(1)
    // It comes late, and is welcome.
    asked[0]!.answer.resolve(HERE)
    await pass(0)
    expect(await outcome("a.example")).toEqual(HERE)
    expect(asked).toHaveLength(1)
  })

  it("do not wait for each other", async () => {
    const { asked, outcome } = setUp()
    void outcome("dead.example")
    const found = outcome("good.example")
    asked[1]!.answer.resolve(HERE)
    expect(await found).toEqual(HERE)
  })
})

import { Readable } from "node:stream"
import { describe, expect, it } from "vitest"
import { ProgressFeed } from "../../../src/dataset/progress-feed.js"
import { stillSnapshot } from "../../../src/dataset/still-snapshot.js"
import type { ProgressSnapshot } from "../../../src/torrent/statistics/progress.js"
import { VirtualClock } from "../../sim/lib/virtual-clock.js"
import { deferred } from "../../support/deferred.js"

const dataset = { name: "data", infoHash: "00".repeat(20) }
const checking = (done: number): ProgressSnapshot =>
  stillSnapshot(dataset, { state: "checking", doneBytes: done, totalBytes: 100 })

/** Something at work: each look at it finds one more byte done. */
class Subject {
  state: ProgressSnapshot["state"] = "downloading"
  done = 0

  snapshot(): ProgressSnapshot {
    return { ...checking(++this.done), state: this.state }
  }
}

/** A call under way until it is finished. */
function begin(feed: ProgressFeed) {
  const finish = deferred()
  const call = feed.during(() => finish.promise)
  call.catch(() => {})
  return { call, finish }
}

function listen() {
  const clock = new VirtualClock()
  const heard: { at: number; state: string; done: number }[] = []
  const feed = new ProgressFeed(clock, ({ state, doneBytes }) =>
    heard.push({ at: clock.now(), state, done: doneBytes }),
  )
  return { clock, feed, heard }
}

describe("progress, for a callback", () => {
  it("comes at once, then four times a second while something is at work", async () => {
    const { clock, feed, heard } = listen()
    feed.follow(new Subject())
    await clock.run(1000)
    expect(heard.map(({ at }) => at)).toEqual([0, 250, 500, 750, 1000])
    feed.end()
    expect(clock.pendingTimers).toBe(0)
  })

  it("tells of a check in steps however often it moves, and shows its last state", async () => {
    const { clock, feed, heard } = listen()
    for (let n = 0; n <= 90; n++) {
      feed.show(checking(n))
      await clock.run(10)
    }
    await clock.run(1000)
    expect(heard.length).toBeLessThanOrEqual(9)
    expect(heard.at(-1)).toMatchObject({ state: "checking", done: 90 })
    expect(clock.pendingTimers).toBe(0)
  })

  it("tells of the work once the check is over", async () => {
    const { clock, feed, heard } = listen()
    feed.show(checking(50))
    feed.follow(new Subject())
    await clock.run(300)
    expect(heard.map(({ state }) => state)).toEqual(["checking", "downloading"])
    feed.end()
  })

  it("comes a last time at the end, once, and never after", async () => {
    const { clock, feed, heard } = listen()
    const subject = new Subject()
    feed.follow(subject)
    subject.state = "complete"
    feed.end()
    feed.end()
    feed.show(checking(1))
    await clock.run(1000)
    expect(heard.map(({ state }) => state)).toEqual(["downloading", "complete"])
  })

  it("comes no more when who hears of it ends it", async () => {
    const clock = new VirtualClock()
    const heard: number[] = []
    const feed: ProgressFeed = new ProgressFeed(clock, ({ doneBytes }) => {
      heard.push(doneBytes)
      feed.end()
    })
    feed.follow(new Subject())
    await clock.run(1000)
    // The second is the last report, of how things stand at the end.
    expect(heard).toEqual([1, 2])
    expect(clock.pendingTimers).toBe(0)
  })

  it("runs no timer when nobody listens", () => {
    const clock = new VirtualClock()
    new ProgressFeed(clock, undefined).follow(new Subject())
    expect(clock.pendingTimers).toBe(0)
  })
})

describe("progress, as an iteration", () => {
  async function collect(feed: ProgressFeed, into: ProgressSnapshot[]): Promise<void> {
    for await (const progress of feed.iterate()) into.push(progress)
  }

  it("starts with where things stand, and ends when they are complete", async () => {
    const clock = new VirtualClock()
    const feed = new ProgressFeed(clock, undefined)
    const subject = new Subject()
    feed.follow(subject)
    const seen: ProgressSnapshot[] = []
    const over = collect(feed, seen)
    await clock.run(500)
    subject.state = "complete"
    await clock.runUntil(over)
    expect(seen[0]?.state).toBe("downloading")
    expect(seen.slice(0, -1).every(({ state }) => state === "downloading")).toBe(true)
    expect(seen.at(-1)?.state).toBe("complete")
    feed.end()
    expect(clock.pendingTimers).toBe(0)
  })

  it("waits for what a call brings to tell of, and ends with the feed", async () => {
    const clock = new VirtualClock()
    const feed = new ProgressFeed(clock, undefined)
    const seen: ProgressSnapshot[] = []
    const over = collect(feed, seen)
    begin(feed)
    await clock.run(1000)
    expect(seen).toEqual([])
    feed.show(checking(1))
    await clock.run(100)
    expect(seen).toHaveLength(1)
    feed.end()
    await clock.runUntil(over)
    await collect(feed, seen)
    expect(seen.at(-1)?.state).toBe("checking")
  })

  it("ends at once when no call is under way", async () => {
    const clock = new VirtualClock()
    const feed = new ProgressFeed(clock, undefined)
    const seen: ProgressSnapshot[] = []
    await clock.runUntil(collect(feed, seen))
    expect(seen).toEqual([])
    await clock.run(1000)
    expect(clock.pendingTimers).toBe(0)
  })

  it("tells of a call that is not reported on, and ends with it", async () => {
    const clock = new VirtualClock()
    const feed = new ProgressFeed(clock, undefined)
    const read = deferred()
    const seen: ProgressSnapshot[] = []
    const over = collect(feed, seen)
    const call = feed.beside(() => read.promise)
    await clock.run(1000)
    feed.follow(new Subject())
    await clock.run(300)
    expect(seen.length).toBeGreaterThan(0)
    feed.leave()
    read.resolve()
    await clock.runUntil(Promise.all([over, call]))
  })

  it("does not take what was complete before a call for its end", async () => {
    const clock = new VirtualClock()
    const feed = new ProgressFeed(clock, undefined)
    const subject = new Subject()
    subject.state = "complete"
    feed.follow(subject)
    const { call, finish } = begin(feed)
    const seen: ProgressSnapshot[] = []
    const over = collect(feed, seen)
    await clock.run(300)
    expect(seen).toEqual([])
    subject.state = "downloading"
    await clock.run(300)
    subject.state = "complete"
    finish.resolve()
    await clock.runUntil(Promise.all([over, call]))
    expect(seen.map(({ state }) => state)).toEqual(["downloading", "complete"])
    feed.end()
  })

  it("ends with a call that failed, before its beginning and after", async () => {
    const clock = new VirtualClock()
    const feed = new ProgressFeed(clock, undefined)
    const seen: ProgressSnapshot[] = []
    const first = begin(feed)
    const early = collect(feed, seen)
    first.finish.reject(new Error("no"))
    await clock.runUntil(early)
    await expect(first.call).rejects.toThrow("no")
    expect(seen).toEqual([])
    feed.follow(new Subject())
    const second = begin(feed)
    const late = collect(feed, seen)
    await clock.run(300)
    feed.leave()
    second.finish.reject(new Error("no"))
    await clock.runUntil(late)
    await expect(second.call).rejects.toThrow("no")
    expect(seen.at(-1)?.state).toBe("downloading")
    feed.end()
    expect(clock.pendingTimers).toBe(0)
  })

  it("lasts as long as the longest of several calls", async () => {
    const clock = new VirtualClock()
    const feed = new ProgressFeed(clock, undefined)
    const [first, second] = [begin(feed), begin(feed)]
    let isOver = false
    const over = collect(feed, []).then(() => {
      isOver = true
    })
    first.finish.resolve()
    await clock.run(1000)
    expect(isOver).toBe(false)
    second.finish.resolve()
    await clock.runUntil(over)
  })

  it("gives a slow reader the latest alone", async () => {
    const clock = new VirtualClock()
    const feed = new ProgressFeed(clock, undefined)
    const subject = new Subject()
    feed.follow(subject)
    const iteration = feed.iterate()
    await iteration.next()
    await clock.run(10_000)
    const before = subject.done
    const { value } = await iteration.next()
    expect(value).toMatchObject({ doneBytes: before })
    await iteration.return?.()
    feed.end()
  })

  it("lets its reader stop, and stops its timer then", async () => {
    const clock = new VirtualClock()
    const feed = new ProgressFeed(clock, undefined)
    feed.follow(new Subject())
    for await (const _ of feed.iterate()) break
    await clock.run(1000)
    expect(clock.pendingTimers).toBe(0)
  })

  it("lets its reader stop while it waits, even by the end of a stream", async () => {
    const clock = new VirtualClock()
    const feed = new ProgressFeed(clock, undefined)
    const iteration = feed.iterate()
    const next = iteration.next()
    expect(await clock.runUntil(Promise.resolve(iteration.return?.()))).toEqual({ done: true, value: undefined })
    expect(await next).toEqual({ done: true, value: undefined })
    for (const error of [undefined, new Error("no")]) {
      const stream = Readable.from(feed.iterate()).on("error", () => {})
      stream.read()
      await clock.run(100)
      stream.destroy(error)
      await clock.runUntil(new Promise((resolve) => stream.once("close", resolve)))
    }
    feed.follow(new Subject())
    await clock.run(1000)
    expect(clock.pendingTimers).toBe(0)
  })

  it("gives each of several readers everything", async () => {
    const clock = new VirtualClock()
    const feed = new ProgressFeed(clock, undefined)
    const subject = new Subject()
    feed.follow(subject)
    const seen: ProgressSnapshot[][] = [[], []]
    const all = Promise.all(seen.map((list) => collect(feed, list)))
    await clock.run(600)
    subject.state = "seeding"
    await clock.runUntil(all)
    for (const list of seen) expect(list.at(-1)?.state).toBe("seeding")
    feed.end()
  })
})

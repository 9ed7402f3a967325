import { describe, expect } from "vitest"
import type { Multicast } from "../../src/ports/multicast.js"
import type { Endpoint } from "../../src/ports/net.js"
import { freeUdpPort } from "../support/ports.js"
import { holds, type MakeStage, Waiter } from "./stage.js"

export interface MulticastSubject {
  readonly multicast: Multicast
  /** Another process on the same machine. */
  readonly neighbour: Multicast
  /** Where `multicast` itself is reached; absent when it can't be tried here. */
  readonly addresses: { readonly 4: string; readonly 6: string | undefined }
}

/** Addresses of groups that nobody uses. */
const GROUPS = { 4: "239.255.14.77", 6: "ff15::77" }

/** A group of a test's own: another run of it on this machine has another port. */
async function newGroup(family: 4 | 6 = 4): Promise<Endpoint> {
  return { host: GROUPS[family], port: await freeUdpPort() }
}

async function join(multicast: Multicast, group: Endpoint) {
  const waiter = new Waiter()
  const received: { text: string; from: Endpoint; bytes: Uint8Array }[] = []
  const joined = await multicast.join(group, (bytes, from) => {
    received.push({ text: Buffer.from(bytes).toString(), from, bytes })
    waiter.notify()
  })
  const texts = () => received.map(({ text }) => text)
  return { joined, received, texts, until: (count: number) => waiter.until(() => received.length >= count) }
}

/** What `src/ports/multicast.ts` promises. */
export function describeMulticastCompliance(name: string, make: MakeStage<MulticastSubject>): void {
  describe(`multicast of ${name}`, () => {
    for (const family of [4, 6] as const) {
      holds(`reaches others on this machine, and the sender, over IPv${family}`, make, async (subject, skip) => {
        const host = subject.addresses[family] ?? skip(`no multicast over IPv${family} here`)
        const group = await newGroup(family)
        const one = await join(subject.multicast, group)
        const other = await join(subject.neighbour, group)
        one.joined.send(Buffer.from("from one"))
        await Promise.all([one.until(1), other.until(1)])
        other.joined.send(Buffer.from("from other"))
        await Promise.all([one.until(2), other.until(2)])
        expect([one.texts(), other.texts()]).toEqual([
          ["from one", "from other"],
          ["from one", "from other"],
        ])
        expect(other.received[0]!.from.host).toBe(host)
        expect(other.received[0]!.from.port).toBeGreaterThan(0)
        await Promise.all([one.joined.close(), other.joined.close()])
      })
    }

    holds("keeps groups apart, and gives the receiver's bytes away for good", make, async (subject) => {
      const group = await newGroup()
      const one = await join(subject.multicast, group)
      const apart = await join(subject.neighbour, { ...group, port: group.port + 1 })
      for (let i = 0; i < 20; i++) {
        one.joined.send(new Uint8Array(1000).fill(i))
        await one.until(i + 1)
      }
      for (const [i, { bytes }] of one.received.entries()) expect(bytes).toEqual(new Uint8Array(1000).fill(i))
      expect(apart.received).toEqual([])
      await Promise.all([one.joined.close(), apart.joined.close()])
    })

    holds("hears nothing after close, and takes a late send or close as nothing", make, async (subject) => {
      const group = await newGroup()
      const one = await join(subject.multicast, group)
      const other = await join(subject.neighbour, group)
      const closed = one.joined.close()
      one.joined.send(Buffer.from("late"))
      await closed
      await one.joined.close()
      other.joined.send(Buffer.from("to whoever is left"))
      await other.until(1)
      expect([one.texts(), other.texts()]).toEqual([[], ["to whoever is left"]])
      await other.joined.close()
    })
  })
}

import { describe, expect } from "vitest"
import type { Endpoint } from "../../src/ports/net.js"
import type { Udp } from "../../src/ports/udp.js"
import { holds, type MakeStage, Waiter } from "./stage.js"

export interface UdpSubject {
  readonly udp: Udp
  /** Where `udp` itself is reached; absent when there is no such family here. */
  readonly addresses: { readonly 4: string; readonly 6: string | undefined }
}

interface Received {
  readonly datagram: Uint8Array
  readonly from: Endpoint
}

async function openBox(udp: Udp, family: 4 | 6) {
  const waiter = new Waiter()
  const received: Received[] = []
  const socket = await udp.open({ family, port: 0 }, (datagram, from) => {
    received.push({ datagram, from })
    waiter.notify()
  })
  return { socket, received, until: (count: number) => waiter.until(() => received.length >= count) }
}

/** What `src/ports/udp.ts` promises. On loopback nothing is lost. */
export function describeUdpCompliance(name: string, make: MakeStage<UdpSubject>): void {
  describe(`udp of ${name}`, () => {
    for (const family of [4, 6] as const) {
      holds(`carries datagrams there and back over IPv${family}`, make, async ({ udp, addresses }, skip) => {
        const host = addresses[family] ?? skip(`no IPv${family} here`)
        const here = await openBox(udp, family)
        const there = await openBox(udp, family)
        here.socket.send(new Uint8Array([1, 2, 3]), { host, port: there.socket.port })
        await there.until(1)
        expect(there.received[0]!.datagram).toEqual(new Uint8Array([1, 2, 3]))
        expect(there.received[0]!.from).toEqual({ host, port: here.socket.port })
        there.socket.send(new Uint8Array(0), there.received[0]!.from)
        await here.until(1)
        expect(here.received[0]!.datagram).toHaveLength(0)
        await here.socket.close()
        await there.socket.close()
      })
    }

    holds("gives the receiver's bytes away for good", make, async ({ udp, addresses }) => {
      const box = await openBox(udp, 4)
      const to = { host: addresses[4], port: box.socket.port }
      for (let i = 0; i < 20; i++) {
        box.socket.send(new Uint8Array(1000).fill(i), to)
        await box.until(i + 1)
      }
      for (const [i, { datagram }] of box.received.entries()) expect(datagram).toEqual(new Uint8Array(1000).fill(i))
      await box.socket.close()
    })

    holds("refuses a port that is taken, and frees it at close", make, async ({ udp, addresses }) => {
      const { socket } = await openBox(udp, 4)
      await expect(udp.open({ family: 4, port: socket.port }, () => {})).rejects.toThrow()
      await socket.close()
      const again = await udp.open({ family: 4, port: socket.port }, () => {})
      expect(again.port).toBe(socket.port)
      await again.close()
      expect(addresses[4]).toBeTypeOf("string")
    })

    holds("hears nothing after close, and takes a late send or close as nothing", make, async (subject) => {
      const { udp, addresses } = subject
      const box = await openBox(udp, 4)
      const other = await openBox(udp, 4)
      const closed = box.socket.close()
      other.socket.send(new Uint8Array(1), { host: addresses[4], port: box.socket.port })
      box.socket.send(new Uint8Array(1), { host: addresses[4], port: other.socket.port })
      await closed
      await box.socket.close()
      other.socket.send(new Uint8Array(2), { host: addresses[4], port: other.socket.port })
      await other.until(1)
      expect(other.received.map(({ datagram }) => datagram.length)).toEqual([2])
      expect(box.received).toHaveLength(0)
      await other.socket.close()
    })

    holds("drops what can't be sent: another family, no port, a name", make, async ({ udp, addresses }) => {
      const box = await openBox(udp, 4)
      box.socket.send(new Uint8Array(1), { host: "::1", port: box.socket.port })
      box.socket.send(new Uint8Array(1), { host: addresses[4], port: 0 })
      box.socket.send(new Uint8Array(1), { host: "localhost", port: box.socket.port })
      box.socket.send(new Uint8Array(2), { host: addresses[4], port: box.socket.port })
      await box.until(1)
      expect(box.received.map(({ datagram }) => datagram.length)).toEqual([2])
      await box.socket.close()
    })
  })
}

import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { type Listening, listen } from "../../testbed/listen.js"
import { Pacer } from "../../testbed/pacer.js"
import { deferred } from "./deferred.js"
import type { Address } from "./partners/partner.js"

/** Bytes that may be under way at a time on one connection. */
const MOST_UNDER_WAY = 4 * 1024 * 1024

/** A way to a server on this machine that counts what the server gives, and can hold it to a rate, delay and stop it. */
export interface Relay extends Address {
  /** What came from the server, protocol included. */
  readonly bytesGiven: number
  /** Nothing more comes from the server, and no connection ends, until it is let go. */
  hold(): void
  letGo(): void
  close(): Promise<void>
}

export interface RelayOptions {
  /** Bytes a second of all connections together. */
  readonly rate?: number
  /** Milliseconds that all from the server is under way: what a round trip takes longer. */
  readonly delay?: number
}

export async function startRelay(target: Address, { rate, delay = 0 }: RelayOptions = {}): Promise<Relay> {
  const pacer = new Pacer(rate)
  let bytesGiven = 0
  let gate = deferred()
  gate.resolve()
  const pass = async (client: Socket, server: Socket): Promise<void> => {
    const ended = new AbortController()
    const { signal } = ended
    client.once("close", () => {
      server.destroy()
      ended.abort()
    })
    let underWay = 0
    let arrived = Promise.resolve()
    const deliver = async (chunk: Uint8Array, at: number, before: Promise<void>): Promise<void> => {
      await before
      await sleep(Math.max(0, at - performance.now()), undefined, { signal })
      underWay -= chunk.length
      if (!client.write(chunk)) await once(client, "drain", { signal })
    }
    for await (const chunk of server as AsyncIterable<Uint8Array>) {
      await pacer.take(chunk.length, signal)
      await gate.promise
      bytesGiven += chunk.length
      underWay += chunk.length
      arrived = deliver(chunk, performance.now() + delay, arrived)
      // It is waited for below; meanwhile its failure is nobody's.
      arrived.catch(() => {})
      if (underWay > MOST_UNDER_WAY) await arrived
    }
    await arrived
  }
  const tcp = createServer((client) => {
    const server = connect(target.port, target.host)
    client.pipe(server)
    // Either side may cut the other off at any time; both are told so by the end of their connection.
    void pass(client, server)
      .catch(() => {})
      .finally(() => client.destroy())
  })
  const listening: Listening = await listen(tcp, "127.0.0.1", 0)
  return {
    host: "127.0.0.1",
    port: listening.port,
    get bytesGiven() {
      return bytesGiven
    },
    hold() {
      gate = deferred()
    },
    letGo() {
      gate.resolve()
    },
    close() {
      gate.resolve()
      return listening.close()
    },
  }
}

import { connect, createServer, type Socket } from "node:net"
import { type Listening, listen } from "../../testbed/listen.js"
import { Pacer } from "../../testbed/pacer.js"
import type { Address } from "./partners/partner.js"

/** A way to a server on this machine that counts what the server gives, and can hold it to a rate. */
export interface Relay extends Address {
  /** What came from the server, protocol included. */
  readonly bytesGiven: number
  close(): Promise<void>
}

/** `rate`: bytes a second of all connections together. */
export async function startRelay(target: Address, rate?: number): Promise<Relay> {
  const pacer = new Pacer(rate)
  let bytesGiven = 0
  const pass = async (client: Socket, server: Socket): Promise<void> => {
    const ended = new AbortController()
    client.once("close", () => {
      server.destroy()
      ended.abort()
    })
    for await (const chunk of server as AsyncIterable<Uint8Array>) {
      await pacer.take(chunk.length, ended.signal)
      bytesGiven += chunk.length
      if (!client.write(chunk)) await drained(client)
    }
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
    close: () => listening.close(),
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      socket.off("drain", go).off("close", go)
      resolve()
    }
    socket.once("drain", go).once("close", go)
    if (socket.destroyed) go()
  })
}

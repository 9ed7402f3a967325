import type { LookupAddress } from "node:dns"
import type { Socket } from "node:net"
import type { Handshake } from "../proxy/handshake.js"
import type { ProxyServer } from "../proxy/proxies.js"
import { addressesOf, connectFirst } from "./connect-race.js"
import { hostNames } from "./host-names.js"
import { loginOf, refusalOf } from "./proxy-login.js"

/** Until the way through the proxy is open, ms; connecting included. */
const OPENING_TIMEOUT = 30_000

/** Hears that a way is open: over which socket, and what came already. */
export type OnOpen = (socket: Socket, rest: Uint8Array) => void

/**
 * Connects to a proxy, whose own name is the only one that is resolved here, and says what `handshake` says. Once the way
 * is open, `onOpen` gets its socket, which is its caller's from then on.
 *
 * @returns what stands for the way until then: who destroys it gives up, and it is destroyed with the error when there is none
 */
export function openTunnel(proxy: ProxyServer, handshake: Handshake | undefined, onOpen: OnOpen): Socket {
  const { host, port, kind } = proxy
  const net = process.getBuiltinModule("node:net")
  const login = loginOf(proxy)
  let endTurn = (): void => {}
  const addresses = async (): Promise<readonly LookupAddress[]> => {
    if (login !== undefined) endTurn = await login.turn()
    return addressesOf(host, (name) => hostNames.find(name))
  }
  const connect = (address: string): Socket =>
    kind === "https"
      ? // Said in words, so that no environment variable can switch it off.
        process
          .getBuiltinModule("node:tls")
          .connect({ host: address, port, servername: net.isIP(host) === 0 ? host : "", rejectUnauthorized: true })
      : net.connect({ host: address, port })
  const opening = connectFirst(addresses(), connect, (socket) => {
    const giveUp = (): void => void socket.destroy()
    const onError = (error: Error): void => void opening.destroy(error)
    const onClose = (): void => void opening.destroy()
    const open = (rest: Uint8Array): void => {
      opening.setTimeout(0).off("close", giveUp)
      socket.off("error", onError).off("close", onClose)
      onOpen(socket, rest)
    }
    const onData = (chunk: Buffer): void => {
      const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      const step = handshake!.read(bytes)
      switch (step.kind) {
        case "more":
          if (step.loggedIn) login?.take()
          if (step.send !== undefined) socket.write(step.send)
          return
        case "open":
          login?.take()
          socket.off("data", onData)
          open(bytes.subarray(step.end))
          return
        case "refused":
          socket.off("data", onData)
          opening.destroy(
            step.lasting ? refusalOf(proxy, step.reason, step.lasting) : new Error(`the proxy ${step.reason}`),
          )
      }
    }
    const greet = (): void => {
      if (handshake === undefined) open(new Uint8Array(0))
      else socket.on("data", onData).write(handshake.opening)
    }
    opening.once("close", giveUp)
    socket.once("close", () => endTurn())
    socket.setNoDelay(true).on("error", onError).on("close", onClose)
    if (kind === "https") socket.once("secureConnect", greet)
    else greet()
  })
  opening.once("close", () => endTurn())
  opening.setTimeout(OPENING_TIMEOUT).on("timeout", () => opening.destroy(new Error("the proxy does not answer")))
  return opening
}

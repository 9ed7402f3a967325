import type { Socket } from "node:net"
import type { Handshake } from "../proxy/handshake.js"
import type { ProxyServer } from "../proxy/proxies.js"

/** Until the way through the proxy is open, ms; connecting included. */
const OPENING_TIMEOUT = 30_000
/** Until the proxy's next address is tried too, ms. */
const NEXT_ADDRESS_AFTER = 1_000

/**
 * Connects to a proxy, whose own name is the only one that is resolved here, and says what `handshake` says. Once the way
 * is open, `onOpen` gets what came behind the handshake; from then on the socket is its caller's. Before that it ends by
 * itself, with an error, when there is no way.
 */
export function openTunnel(
  proxy: ProxyServer,
  handshake: Handshake | undefined,
  onOpen: (rest: Uint8Array) => void,
): Socket {
  const { host, port, kind } = proxy
  const to = { host, port, noDelay: true, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER }
  const net = process.getBuiltinModule("node:net")
  const socket =
    kind === "https"
      ? // Said in words, so that no environment variable can switch it off.
        process
          .getBuiltinModule("node:tls")
          .connect({ ...to, servername: net.isIP(host) === 0 ? host : "", rejectUnauthorized: true })
      : net.connect(to)
  const open = (rest: Uint8Array): void => {
    socket.setTimeout(0).off("timeout", giveUp)
    onOpen(rest)
  }
  const giveUp = (): void => void socket.destroy(new Error("the proxy does not answer"))
  socket.setTimeout(OPENING_TIMEOUT).on("timeout", giveUp)
  socket.once(kind === "https" ? "secureConnect" : "connect", () => {
    if (handshake === undefined) return open(new Uint8Array(0))
    socket.on("data", onData)
    socket.write(handshake.opening)
  })
  const onData = (chunk: Buffer): void => {
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const step = handshake!.read(bytes)
    switch (step.kind) {
      case "more":
        if (step.send !== undefined) socket.write(step.send)
        return
      case "open":
        socket.off("data", onData)
        open(bytes.subarray(step.end))
        return
      case "refused":
        socket.off("data", onData).destroy(new Error(`the proxy ${step.reason}`))
    }
  }
  return socket
}

import type { ConnectionOptions, TLSSocket } from "node:tls"
import type { Place } from "../proxy/handshake.js"

/** Hosts whose sessions are remembered; the oldest is forgotten for another. */
const MOST_SESSIONS = 100

/** How TLS is spoken with hosts: certificates are always checked, and a host that was spoken with is greeted shorter. */
export class TlsSessions {
  readonly #sessions = new Map<string, Buffer>()

  optionsFor({ host, port }: Place): ConnectionOptions {
    const session = this.#sessions.get(`${host}:${port}`)
    return {
      // Whose certificate it has to be.
      host,
      // An address is not named (RFC 6066, 3).
      servername: process.getBuiltinModule("node:net").isIP(host) === 0 ? host : "",
      ALPNProtocols: ["http/1.1"],
      // Said in words, so that no environment variable can switch it off.
      rejectUnauthorized: true,
      ...(session === undefined ? {} : { session }),
    }
  }

  /** Remembers what the host says in its handshake, and nothing of one that failed. */
  keepFrom(socket: TLSSocket, { host, port }: Place): void {
    const key = `${host}:${port}`
    socket.on("session", (session) => {
      this.#sessions.delete(key)
      this.#sessions.set(key, session)
      if (this.#sessions.size > MOST_SESSIONS) this.#sessions.delete(this.#sessions.keys().next().value!)
    })
    socket.on("error", () => this.#sessions.delete(key))
  }
}

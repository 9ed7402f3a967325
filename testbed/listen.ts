import type { Server, Socket } from "node:net"

export interface Listening {
  readonly port: number
  /** Stops listening, cuts every open connection and waits until all is gone. */
  close(): Promise<void>
}

/** Starts a TCP or HTTP server; port 0 picks a free one. */
export async function listen(server: Server, host: string, port: number): Promise<Listening> {
  const sockets = new Set<Socket>()
  server.on("connection", (socket: Socket) => {
    sockets.add(socket)
    socket.on("error", () => socket.destroy())
    socket.once("close", () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, host, () => {
      server.off("error", reject)
      resolve()
    })
  })
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the server has no port")
  return {
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

/** A host as it stands in a URL or before a port. */
export function inUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host
}

import { once } from "node:events"
import { type AddressInfo, createServer, type Socket } from "node:net"

/**
 * A server (on 127.0.0.1, at any port, unless told where) that answers each connection by hand, counted from 1; its errors are nobody's. What ends it and its
 * sockets goes to `cleanUps`. Returns its port.
 */
export async function serveRaw(
  cleanUps: Array<() => unknown>,
  onSocket: (socket: Socket, connection: number) => void,
  where: { readonly host: string; readonly port: number } = { host: "127.0.0.1", port: 0 },
): Promise<number> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    const connection = sockets.push(socket)
    socket.on("error", () => {})
    onSocket(socket, connection)
  })
  server.listen(where)
  await once(server, "listening")
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

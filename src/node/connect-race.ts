import type { LookupAddress } from "node:dns"
import type { Socket } from "node:net"

/** Until a host's next address is tried beside those before it, ms (RFC 8305, 5). */
const NEXT_ADDRESS_AFTER = 250

/** How the addresses of a name are found. @throws when it has none */
export type FindAddresses = (hostname: string) => Promise<readonly LookupAddress[]>

/** The addresses of a host: an address is its own. @throws what `find` throws */
export async function addressesOf(host: string, find: FindAddresses): Promise<readonly LookupAddress[]> {
  const family = process.getBuiltinModule("node:net").isIP(host)
  return family === 0 ? find(host) : [{ address: host, family }]
}

/**
 * Connects to a host at the first of its addresses that answers. Each is tried a little after the one before, which goes on:
 * over a satellite all take long (RFC 8305). Node's own `autoSelectFamily` gives an address up for the next.
 *
 * `connect` begins to connect to an address; `onConnect` gets the socket that is connected, which is its caller's from then on.
 *
 * @returns what stands for the connection until then: who destroys it gives up, and it is destroyed with the error
 */
export function connectFirst(
  addresses: Promise<readonly LookupAddress[]>,
  connect: (address: string) => Socket,
  onConnect: (socket: Socket, address: LookupAddress) => void,
): Socket {
  const opening = new (process.getBuiltinModule("node:net").Socket)()
  const attempts = new Set<Socket>()
  let left: LookupAddress[] = []
  let failure: Error | undefined
  let timer: NodeJS.Timeout | undefined
  let over = false

  const next = (): void => {
    clearTimeout(timer)
    const to = left.shift()
    if (to !== undefined) {
      timer = setTimeout(next, NEXT_ADDRESS_AFTER)
      attempt(to)
    } else if (attempts.size === 0) {
      opening.destroy(failure)
    }
  }
  const attempt = (to: LookupAddress): void => {
    const socket = connect(to.address)
    attempts.add(socket)
    const onError = (error: Error): void => {
      // The first one's failure stands for all.
      failure ??= error
    }
    const onClose = (): void => {
      attempts.delete(socket)
      if (!over) next()
    }
    socket.on("error", onError).on("close", onClose)
    socket.once("connect", () => {
      socket.off("error", onError).off("close", onClose)
      attempts.delete(socket)
      opening.off("close", end)
      end()
      onConnect(socket, to)
    })
  }
  const end = (): void => {
    over = true
    clearTimeout(timer)
    for (const socket of attempts) socket.destroy()
  }

  opening.once("close", end)
  addresses
    .then((found) => {
      if (over) return
      left = alternating(found)
      next()
    })
    .catch((error) => opening.destroy(error))
  return opening
}

/** The families take turns, that of the first address first: where one leads nowhere, the other's turn comes soon. */
function alternating(addresses: readonly LookupAddress[]): LookupAddress[] {
  const first = addresses.filter(({ family }) => family === addresses[0]!.family)
  const second = addresses.filter(({ family }) => family !== addresses[0]!.family)
  return first.flatMap((address, at) => [address, ...second.slice(at, at + 1)]).concat(second.slice(first.length))
}

import type { Socket, SocketConstructorOpts } from "node:net"

/** Where a socket's bytes are read to, and who hears of them. */
export interface OnRead {
  readonly buffer: Uint8Array
  readonly callback: (length: number, buffer: Uint8Array) => boolean
}

/** What Node's types keep to themselves: the system's end of a socket, and a socket made around one. */
type WithHandle = Socket & { _handle?: object | null }
type AroundHandle = SocketConstructorOpts & { handle: object; onread: OnRead; writableHighWaterMark: number }

/**
 * The accepted connection, read into memory of ours. `accepted` (paused) is not to be used any more.
 *
 * Node has `onread` for sockets that a program makes alone; into accepted ones it reads by fresh memory of 64 KiB each
 * time, of which 30 MB were waiting to be collected in a swarm of four. So the connection goes on in a socket of our own.
 *
 * @returns undefined where Node has no such handle: `accepted` is as it was
 */
export function readAccepted(
  accepted: Socket,
  options: { readonly onread: OnRead; readonly writableHighWaterMark: number },
): Socket | undefined {
  const from: WithHandle = accepted
  const handle = from._handle
  if (handle === undefined || handle === null) return undefined
  from._handle = null
  // Nothing to close is left to it; it takes itself off the server's books.
  accepted.destroy()
  const around: AroundHandle = { ...options, handle }
  return new (process.getBuiltinModule("node:net").Socket)(around)
}

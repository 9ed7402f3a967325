import { AtError } from "../errors.js"

/** `host:port` or `[ipv6]:port`, as a user writes a peer. @throws AtError `AT_INVALID_INPUT` */
export function parsePeers(texts: readonly string[]): { host: string; port: number }[] {
  return texts.map((text) => {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text.trim())
    const host = match?.[1] ?? match?.[2]
    const port = Number(match?.[3])
    if (host === undefined || port < 1 || port > 65535) {
      throw new AtError("AT_INVALID_INPUT", `"${text}" is not the address of a peer`, {
        hint: "write a peer as HOST:PORT, for IPv6 as [ADDRESS]:PORT",
      })
    }
    return { host, port }
  })
}

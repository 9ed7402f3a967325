import { parseIp } from "../bytes/ip.js"
import type { Options } from "../dataset/options.js"
import { AtError } from "../errors.js"

/** How connections to peers are encrypted. @throws AtError `AT_INVALID_INPUT` */
export function parseEncryption(text: string): NonNullable<Options["encryption"]> {
  switch (text) {
    case "allow":
    case "prefer":
    case "require":
    case "off":
      return text
    default:
      throw new AtError("AT_INVALID_INPUT", `--encryption: "${text}" is not a known value`, {
        hint: "write allow, prefer, require or off",
      })
  }
}

/** An IPv4 address. @throws AtError `AT_INVALID_INPUT` */
export function parseRouter(router: string): string {
  if (parseIp(router)?.length === 4) return router
  throw new AtError("AT_INVALID_INPUT", `--router: "${router}" is not the IPv4 address of a router`, {
    hint: "write an address like 192.168.1.1, or use --map-port, which finds the router by itself",
  })
}

/** A number of connections, at least 1. @throws AtError `AT_INVALID_INPUT` */
export function parseCount(text: string): number {
  const count = Number(text)
  if (/^\d{1,9}$/.test(text) && count > 0) return count
  throw new AtError("AT_INVALID_INPUT", `--max-connections: "${text}" is not a number of connections`, {
    hint: "write a whole number above 0",
  })
}

/** A port, 0 to 65535. @throws AtError `AT_INVALID_INPUT` */
export function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65535) return port
  throw new AtError("AT_INVALID_INPUT", `--port: "${text}" is not a port`, {
    hint: "write a number from 0 to 65535; 0 picks one",
  })
}

import { AtError } from "../errors.js"
import type { ByteStream, Listener, StreamListener } from "../ports/net.js"
import type { Platform } from "../ports/platform.js"

/** Ports BitTorrent clients listen at by custom (BEP 3: 6881 to 6889); beyond them any free one. */
const CUSTOMARY_PORTS = [6881, 6882, 6883, 6884, 6885, 6886, 6887, 6888, 6889]

const BEHIND_PROXY =
  "a proxy is set: everything goes through it; there is no listening port, and the DHT, local discovery and uTP are off"
const HTTP_PROXY_ALONE =
  "a proxy is set only for HTTP: only web seeds are used; ALL_PROXY=socks5://HOST:PORT would reach peers, too"

/**
 * Listens for peers at `port` (0: any free one); without one, at a customary port, or else any that is free.
 *
 * @returns undefined where nobody can reach us: a download is slower then, and works all the same
 * @throws AtError `AT_INVALID_INPUT` when the port that was asked for is taken
 */
export async function listenForPeers(
  {
    platform,
    port,
  }: { readonly platform: Pick<Platform, "net" | "log" | "reach">; readonly port?: number | undefined },
  accept: (stream: ByteStream) => StreamListener,
): Promise<Listener | undefined> {
  const { net, log, reach } = platform
  if (reach !== "open") {
    log.log("warn", "session", reach === "web" ? HTTP_PROXY_ALONE : BEHIND_PROXY)
    return undefined
  }
  if (port !== undefined) {
    try {
      return await net.listen({ port }, accept)
    } catch (cause) {
      throw new AtError("AT_INVALID_INPUT", `can't listen at port ${port}`, {
        hint: "choose another `port`, or 0 for any free one",
        cause,
      })
    }
  }
  for (const candidate of [...CUSTOMARY_PORTS, 0]) {
    try {
      return await net.listen({ port: candidate }, accept)
    } catch (error) {
      log.log("debug", "session", `can't listen at port ${candidate}: ${String(error)}`)
    }
  }
  return undefined
}

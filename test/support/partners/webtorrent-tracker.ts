import { networkInterfaces } from "node:os"
import { fileURLToPath } from "node:url"
import { Program } from "../program.js"
import { webtorrent } from "./webtorrent.js"

const SCRIPT = fileURLToPath(new URL("./webtorrent-tracker.mjs", import.meta.url))

/** The tracker of webtorrent (npm: bittorrent-tracker), by HTTP on both address families. */
export const webtorrentTracker = {
  name: "webtorrent's tracker",
  missing: (): string | undefined => {
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
    if (!addresses.some(({ address }) => address === "::1")) return "IPv6 on the loopback interface"
    return webtorrent.missing()
  },
  async start(): Promise<{ readonly port: number; stop(): Promise<void> }> {
    const program = new Program(process.execPath, [SCRIPT])
    const [, port] = await program.until(/port (\d+)\n/, 20)
    return { port: Number(port), stop: () => program.stop() }
  },
}

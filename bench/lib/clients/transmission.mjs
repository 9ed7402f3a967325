import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { needsProgram, versionFrom } from "./installed.mjs"
import { markPath, markScript } from "./mark-script.mjs"

/** Transmission 3.00. It refuses loopback peers and keeps one peer an address. */
export const transmission = {
  name: "transmission",
  webSeeds: true,
  needsPrivateNetwork: true,
  missing: () => needsProgram("transmission-cli", "transmission-cli"),
  version: () => versionFrom("transmission-cli", ["-V"]),
  get: ({ tracked, out, scratch, host, port }) => ({
    command: [...command({ scratch, host }), ...["-w", out, "-p", String(port), "-f", markScript(scratch), tracked]],
    mark: markPath(scratch),
    openFiles: true,
  }),
  verify: ({ torrent, dir, scratch }) => ({
    // Its output comes in blocks of 4 KiB unless it is told otherwise.
    command: ["stdbuf", "-o0", ...command({ scratch, host: "127.0.0.1" }), "-w", dir, "-p", "6999", "-v", torrent],
    says: "Seeding, ",
    openFiles: true,
  }),
}

function command({ scratch, host }) {
  const config = join(scratch, "config")
  mkdirSync(config)
  const settings = {
    "bind-address-ipv4": host,
    "cache-size-mb": 64,
    "dht-enabled": false,
    "lpd-enabled": false,
    "pex-enabled": false,
    "utp-enabled": false,
    "port-forwarding-enabled": false,
    encryption: 0,
    preallocation: 0,
  }
  writeFileSync(join(config, "settings.json"), JSON.stringify(settings))
  return ["transmission-cli", "-g", config, "-M"]
}

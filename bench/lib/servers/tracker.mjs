import { chmodSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { needsProgram } from "../clients/installed.mjs"
import { freePort } from "../network.mjs"

const PEER_TRACKER = fileURLToPath(new URL("../../../test/support/partners/peer-tracker.mjs", import.meta.url))

/** The URL of a tracker that names these peers and nobody else. */
export async function startPeerTracker(stage, { host, peers, through }) {
  const command = [process.execPath, PEER_TRACKER, host, ...peers.map((peer) => `${peer.host}:${peer.port}`)]
  const { match } = await stage.start(command, { ready: /http:\S+/, through })
  return match[0]
}

export const opentrackerMissing = () => needsProgram("opentracker", "opentracker")

/** opentracker, where peers find each other. Debian's build answers for listed infohashes alone. */
export async function startOpentracker(stage, { host, infoHash }) {
  const folder = stage.directory("opentracker")
  writeFileSync(join(folder, "whitelist"), `${infoHash}\n`)
  // As root it changes its root to the folder and becomes nobody, and must still read its list.
  chmodSync(stage.folder, 0o755)
  chmodSync(folder, 0o755)
  const port = await freePort()
  const command = ["opentracker", "-i", host, "-p", String(port), "-P", String(port), "-w", "whitelist", "-d", folder]
  const program = await stage.start(command, { cwd: folder })
  while (!(await listens(host, port))) await sleep(20)
  return { url: `http://${host}:${port}/announce`, stop: () => program.stop() }
}

function listens(host, port) {
  return new Promise((resolve) => {
    const socket = connect(port, host)
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false))
    socket.once("connect", () => socket.destroy())
  })
}

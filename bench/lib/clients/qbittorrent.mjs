import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { needsProgram, versionFrom } from "./installed.mjs"
import { markPath, markScript } from "./mark-script.mjs"

/** qbittorrent-nox 4.5: libtorrent 2.0 inside a Qt program. */
export const qbittorrent = {
  name: "qbittorrent",
  webSeeds: true,
  missing: () => needsProgram("qbittorrent-nox", "qbittorrent-nox"),
  version: () => versionFrom("qbittorrent-nox"),
  get({ tracked, out, scratch, host, port }) {
    const config = join(scratch, "qBittorrent/config")
    mkdirSync(config, { recursive: true })
    writeFileSync(join(config, "qBittorrent.conf"), settings({ host, port, script: markScript(scratch) }))
    return {
      command: ["qbittorrent-nox", `--profile=${scratch}`, `--save-path=${out}`, "--skip-dialog=true", tracked],
      env: { ...process.env, QT_LOGGING_RULES: "*=false" },
      mark: markPath(scratch),
      openFiles: true,
    }
  },
}

function settings({ host, port, script }) {
  return `[LegalNotice]
Accepted=true
[AutoRun]
enabled=true
program=${script}
[Preferences]
WebUI\\Enabled=false
[BitTorrent]
Session\\InterfaceAddress=${host}
Session\\Port=${port}
Session\\DHTEnabled=false
Session\\LSDEnabled=false
Session\\PeXEnabled=false
Session\\Encryption=2
Session\\BTProtocol=TCP
Session\\MultiConnectionsPerIp=true
Session\\SSRFMitigation=false
Session\\QueueingSystemEnabled=false
Session\\Preallocation=false
Session\\HashingThreadsCount=2
Session\\FilePoolSize=500
Session\\DiskQueueSize=67108864
Session\\RequestQueueSize=2000
[Network]
PortForwardingEnabled=false
`
}

import { needsProgram, versionFrom } from "./installed.mjs"
import { markPath, markScript } from "./mark-script.mjs"

/** aria2: learns peers only from a tracker, and starts slowly (timers of 2 to 3 s). */
export const aria2 = {
  name: "aria2",
  webSeeds: true,
  tls: true,
  encrypts: true,
  missing: () => needsProgram("aria2c", "aria2"),
  version: () => versionFrom("aria2c"),
  get: ({ tracked, out, port, stay, scratch, encrypted, trusted }) => ({
    command: [
      ...command(tracked, out, port),
      // Several connections for a web server; one is what it takes otherwise.
      ...["--max-connection-per-server=4", "--split=4"],
      ...(encrypted ? ["--bt-require-crypto=true", "--bt-min-crypto-level=arc4"] : []),
      ...(trusted ? [`--ca-certificate=${trusted}`] : []),
      ...(stay ? ["--seed-ratio=0.0", `--on-bt-download-complete=${markScript(scratch)}`] : ["--seed-time=0"]),
    ],
    ...(stay ? { mark: markPath(scratch) } : {}),
    openFiles: true,
  }),
  verify: ({ torrent, dir }) => ({
    command: [...command(torrent, dir, 0), "--check-integrity=true", "--hash-check-only=true"],
  }),
  seed: ({ torrent, dir, port }) => ({
    command: [
      ...command(torrent, dir, port).filter((option) => option !== "--quiet=true"),
      ...["--seed-ratio=0.0", "--check-integrity=true", "--bt-hash-check-seed=true", "--summary-interval=1"],
    ],
    ready: /SEED\(/,
  }),
}

function command(torrent, dir, port) {
  return [
    ...["aria2c", "--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false"],
    ...["--file-allocation=none", "--disk-cache=64M", "--bt-max-open-files=1000", "--bt-max-peers=0"],
    ...["--allow-overwrite=true", "--quiet=true", `--dir=${dir}`, torrent],
    ...(port === 0 ? [] : [`--listen-port=${port}`]),
  ]
}

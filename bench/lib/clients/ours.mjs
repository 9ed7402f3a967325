import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"

/** Settings of whoever runs the benchmark that must not reach the command. */
const FOREIGN = /^(AT_|XDG_|(https?|all|no)_proxy$)/i

/** Our built command in a checkout. `name` tells two builds apart. */
export function ours({ name, dir: build }) {
  const get = join(build, "dist/cli/at-get.js")
  const academictorrents = join(build, "dist/cli/academictorrents.js")
  return {
    name: name === undefined ? "ours" : `ours:${name}`,
    isOurs: true,
    webSeeds: true,
    utp: true,
    tls: true,
    encrypts: true,
    missing: () => (existsSync(get) ? undefined : `no build in ${build}: npm run build`),
    version: () =>
      spawnSync("git", ["-C", build, "describe", "--always", "--dirty"], { encoding: "utf8" }).stdout.trim() ||
      "unknown",
    get: ({ torrent, peers, out, scratch, port, stay, encrypted, trusted }) => ({
      command: [
        ...[process.execPath, get, torrent, "-o", out, "--port", String(port), "--no-lsd"],
        ...peers.map(({ host, port }) => `--peer=${host}:${port}`),
        ...(encrypted ? ["--encryption", "require"] : []),
        ...(stay ? ["--seed"] : ["--no-tracker", "--quiet"]),
      ],
      env: { ...environment(scratch, build), ...(trusted ? { NODE_EXTRA_CA_CERTS: trusted } : {}) },
      ...(stay ? { says: "sharing " } : {}),
    }),
    verify: ({ torrent, dir, scratch }) => ({
      command: [process.execPath, academictorrents, "verify", torrent, "-o", dir, "--offline", "--quiet"],
      env: environment(scratch, build),
    }),
    create: ({ path, output, pieceLength, scratch }) => ({
      command: [
        ...[process.execPath, academictorrents, "create", path, "-o", output, "--quiet"],
        ...["--piece-length", `${pieceLength / 1024}K`],
      ],
      env: environment(scratch, build),
    }),
    seed: ({ torrent, dir, name, port, scratch }) => ({
      command: [
        ...[process.execPath, academictorrents, "seed", torrent, "--data", join(dir, name)],
        ...["--port", String(port), "--no-tracker", "--no-lsd", "--json"],
      ],
      env: environment(scratch, build),
      ready: /"type":"seeding"/,
    }),
  }
}

/** Each run has a new home; the cache, with the command's compiled code, is the build's own and stays, as a user's does. */
function environment(home, dir) {
  const others = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name))
  const cache = join(dir, "node_modules/.cache")
  return { ...Object.fromEntries(others), HOME: home, XDG_CACHE_HOME: cache, AT_SITE: "http://127.0.0.1:9" }
}

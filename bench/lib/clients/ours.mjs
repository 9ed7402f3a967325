import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"

/** Settings of whoever runs the benchmark that must not reach the command. */
const FOREIGN = /^(AT_|XDG_|(https?|all|no)_proxy$)/i

/** Our built command in a checkout. `name` tells two builds apart. */
export function ours({ name, dir }) {
  const get = join(dir, "dist/cli/at-get.js")
  const academictorrents = join(dir, "dist/cli/academictorrents.js")
  return {
    name: name === undefined ? "ours" : `ours:${name}`,
    isOurs: true,
    webSeeds: true,
    missing: () => (existsSync(get) ? undefined : `no build in ${dir}: npm run build`),
    version: () =>
      spawnSync("git", ["-C", dir, "describe", "--always", "--dirty"], { encoding: "utf8" }).stdout.trim() || "unknown",
    get: ({ torrent, peers, out, scratch, port, stay }) => ({
      command: [
        ...[process.execPath, get, torrent, "-o", out, "--port", String(port)],
        ...peers.map(({ host, port }) => `--peer=${host}:${port}`),
        ...(stay ? ["--seed"] : ["--no-tracker", "--quiet"]),
      ],
      env: environment(scratch),
      ...(stay ? { says: "giving " } : {}),
    }),
    verify: ({ torrent, dir, scratch }) => ({
      command: [process.execPath, academictorrents, "verify", torrent, "-o", dir, "--offline", "--quiet"],
      env: environment(scratch),
    }),
    create: ({ path, output, pieceLength }) => ({
      command: [
        ...[process.execPath, academictorrents, "create", path, "-o", output, "--quiet"],
        ...["--piece-length", `${pieceLength / 1024}K`],
      ],
    }),
    seed: ({ torrent, dir, name, port, scratch }) => ({
      command: [
        ...[process.execPath, academictorrents, "seed", torrent, "--data", join(dir, name)],
        ...["--port", String(port), "--no-tracker", "--json"],
      ],
      env: environment(scratch),
      ready: /"type":"seeding"/,
    }),
  }
}

function environment(home) {
  const others = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name))
  return { ...Object.fromEntries(others), HOME: home, AT_SITE: "http://127.0.0.1:9" }
}

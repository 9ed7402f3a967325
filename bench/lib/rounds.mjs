import { spawnSync } from "node:child_process"
import { RunFailure } from "./measure.mjs"

/**
 * Runs every client once a round, each round in another order, so that what disturbs the machine for a while disturbs all.
 *
 * @param {import("./clients/index.mjs").Client[]} clients
 * @param {(client: import("./clients/index.mjs").Client) => Promise<object>} run
 * @param {{runs: number, warmUp: number, note: (text: string) => void}} options
 * @returns {Promise<{samples: Record<string, object[]>, failures: Record<string, string>}>}
 */
export async function runRounds(clients, run, { runs, warmUp, note }) {
  const samples = Object.fromEntries(clients.map((client) => [client.name, []]))
  const failures = {}
  for (let round = 0; round < warmUp + runs; round++) {
    for (let i = 0; i < clients.length; i++) {
      const client = clients[(i + round) % clients.length]
      if (client.name in failures) continue
      try {
        const sample = await run(client)
        if (round >= warmUp) samples[client.name].push(sample)
        note(`${client.name} ${sample.seconds.toFixed(2)} s${round < warmUp ? " (warm-up)" : ""}`)
      } catch (error) {
        failures[client.name] = error.message.split("\n")[0]
        note(`${client.name} failed: ${error.message}\n${error instanceof RunFailure ? error.output : ""}`)
      }
    }
  }
  return { samples, failures }
}

/** Leaves no write-back of what went before to the next run. */
export function syncFilesystem(folder) {
  spawnSync("sync", ["--file-system", folder])
}

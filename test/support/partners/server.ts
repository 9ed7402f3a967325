import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Netns } from "../netns.js"
import { freePort, isListening } from "../ports.js"
import { Program } from "../program.js"

export interface RunningServer {
  readonly port: number
  readonly program: Program
  stop(): Promise<void>
}

/**
 * Starts a server in a folder of its own, which goes with it: `prepare` writes there what it needs, and says its arguments.
 * Resolves when it listens.
 */
export async function startServer(
  command: string,
  where: { port?: number | undefined; netns?: Netns | undefined },
  prepare: (folder: string, port: number) => Promise<readonly string[]>,
): Promise<RunningServer> {
  const folder = await mkdtemp(join(tmpdir(), `${command}-`))
  const port = where.port ?? (await freePort())
  const through = where.netns === undefined ? {} : { through: where.netns.enter }
  const program = new Program(command, await prepare(folder, port), { cwd: folder, ...through })
  const stop = async (): Promise<void> => {
    await program.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await program.poll("listening", () => isListening(port, where.netns?.pid), 10)
  } catch (error) {
    await stop()
    throw error
  }
  return { port, program, stop }
}

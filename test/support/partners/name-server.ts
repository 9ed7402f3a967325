import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Netns } from "../netns.js"
import { Program } from "../program.js"

const SCRIPT = fileURLToPath(new URL("./name-server.mjs", import.meta.url))

interface NameServerOptions {
  /** It is reached inside this namespace alone. */
  readonly netns: Netns
  /** For its files. */
  readonly folder: string
  /** What every name leads to. */
  readonly address: string
  /** It is silent when it is asked for names like this. */
  readonly silent: RegExp
}

/**
 * A name server, and its namespace for those who are to ask it. A lookup of the system that it does not answer takes two and a
 * half minutes.
 */
export async function startNameServer({
  netns,
  folder,
  address,
  silent,
}: NameServerOptions): Promise<{ readonly netns: Netns; stop(): Promise<void> }> {
  const settings = join(folder, "resolv.conf")
  await writeFile(settings, "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n")
  const program = new Program(process.execPath, [SCRIPT, address, silent.source], { through: netns.enter })
  await program.until(/listening/, 20)
  const asking = ["unshare", "--mount", "--", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', settings]
  return { netns: { ...netns, enter: [...netns.enter, ...asking] }, stop: () => program.stop() }
}

import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Netns } from "../netns.js"
import { freePort, isListening } from "../ports.js"
import { Program } from "../program.js"
import { needsProgram } from "./partner.js"

export interface NginxOptions {
  /** Served as `/`. */
  root: string
  host?: string
  port?: number
  netns?: Netns
}

export interface Nginx {
  /** Ends in `/`: a folder's web seed as it is; a single file's with the file's name behind it. */
  readonly url: string
  readonly program: Program
  stop(): Promise<void>
}

/** nginx as a web seed. */
export const nginx = {
  name: "nginx",
  missing: (): string | undefined => needsProgram("nginx", "nginx-light"),
  async start({ root, host = "127.0.0.1", port, netns }: NginxOptions): Promise<Nginx> {
    const folder = await mkdtemp(join(tmpdir(), "nginx-"))
    const at = port ?? (await freePort())
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${folder};`)
    const user = process.getuid?.() === 0 ? "user root;" : ""
    const config = join(folder, "nginx.conf")
    await writeFile(
      config,
      `daemon off; ${user} worker_processes 1; worker_rlimit_nofile 16384; pid ${folder}/pid; error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; ${temporary.join(" ")}
  server { listen ${host}:${at}; root "${root}"; }
}
`,
    )
    const through = netns === undefined ? {} : { through: netns.enter }
    const program = new Program("nginx", ["-p", folder, "-c", config, "-e", "stderr"], { cwd: folder, ...through })
    const stop = async (): Promise<void> => {
      await program.stop()
      await rm(folder, { recursive: true, force: true })
    }
    try {
      await program.poll("listening", () => isListening(at, netns?.pid), 10)
    } catch (error) {
      await stop()
      throw error
    }
    return { url: `http://${host}:${at}/`, program, stop }
  },
}

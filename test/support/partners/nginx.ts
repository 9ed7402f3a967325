import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Netns } from "../netns.js"
import type { Program } from "../program.js"
import { needsProgram } from "./partner.js"
import { startServer } from "./server.js"

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
    const {
      program,
      port: at,
      stop,
    } = await startServer("nginx", { port, netns }, async (folder, at) => {
      const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      const temporary = kinds.map((kind) => `${kind}_temp_path ${folder};`)
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
      return ["-p", folder, "-c", config, "-e", "stderr"]
    })
    return { url: `http://${host}:${at}/`, program, stop }
  },
}

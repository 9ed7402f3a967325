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
  /** Requests that each address may make a second; and how many may be made ahead of that. */
  limit?: { rate: number; burst?: number; status?: 429 }
  /** Where it writes a line for each request: seconds since 1970, and the status. */
  accessLog?: string
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
  async start({ root, host = "127.0.0.1", port, netns, limit, accessLog }: NginxOptions): Promise<Nginx> {
    const {
      program,
      port: at,
      stop,
    } = await startServer("nginx", { port, netns }, async (folder, at) => {
      const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      const temporary = kinds.map((kind) => `${kind}_temp_path ${folder};`)
      const user = process.getuid?.() === 0 ? "user root;" : ""
      const zone = limit && `limit_req_zone $binary_remote_addr zone=each:1m rate=${limit.rate}r/s;`
      const burst = limit?.burst === undefined ? "" : `burst=${limit.burst} nodelay`
      const limits = limit && `limit_req zone=each ${burst}; limit_req_status ${limit.status ?? 503};`
      const config = join(folder, "nginx.conf")
      await writeFile(
        config,
        `daemon off; ${user} worker_processes 1; worker_rlimit_nofile 16384; pid ${folder}/pid; error_log stderr warn;
events { worker_connections 4096; }
http {
  log_format short "$msec $status"; access_log ${accessLog === undefined ? "off" : `"${accessLog}" short`}; ${zone ?? ""}
  sendfile on; tcp_nopush on; keepalive_requests 1000000; ${temporary.join(" ")}
  server { listen ${host}:${at}; root "${root}"; ${limits ?? ""} }
}
`,
      )
      return ["-p", folder, "-c", config, "-e", "stderr"]
    })
    return { url: `http://${host}:${at}/`, program, stop }
  },
}

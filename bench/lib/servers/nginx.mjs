import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { needsProgram } from "../clients/installed.mjs"
import { freePort } from "../network.mjs"

export const nginxMissing = () => needsProgram("nginx", "nginx-light")

/**
 * nginx as a web seed; with `secure`, a certificate and its key, by HTTPS alone.
 *
 * @returns {Promise<{webSeed: string, url: string}>} what a torrent names, and where the first file's bytes are
 */
export async function startNginx(stage, data, { host, through, secure }) {
  const folder = stage.directory("nginx")
  const port = await freePort()
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${folder};`)
  const config = join(folder, "nginx.conf")
  writeFileSync(
    config,
    `daemon off; ${process.getuid() === 0 ? "user root;" : ""} worker_processes 1;
pid ${folder}/pid; error_log stderr notice;
events { worker_connections 4096; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; ${temporary.join(" ")}
  open_file_cache max=1024; open_file_cache_valid 600s;
  server { listen ${host}:${port}${secure === undefined ? "" : " ssl"}; ${secure === undefined ? "" : tls(secure)} root "${data.parent}"; }
}
`,
  )
  await stage.start(["nginx", "-p", folder, "-c", config, "-e", "stderr"], {
    through,
    ready: /start worker process \d+/,
  })
  const root = `http${secure === undefined ? "" : "s"}://${host}:${port}/`
  return { webSeed: data.folder ? root : root + data.name, url: root + data.name }
}

function tls({ certificate, key }) {
  return `ssl_certificate "${certificate}"; ssl_certificate_key "${key}";`
}

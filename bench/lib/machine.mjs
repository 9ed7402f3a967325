import { cpus, release, totalmem } from "node:os"
import { versionFrom } from "./clients/installed.mjs"

/** What figures depend on besides the clients. */
export function describeMachine() {
  return {
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    python: versionFrom("/usr/bin/python3"),
    nginx: versionFrom("nginx", ["-v"]),
  }
}

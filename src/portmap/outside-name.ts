import type { MappedProtocol } from "./nat-pmp.js"

/** Where peers outside are let in, for people; `port`: ours. */
export function outsideName(protocol: MappedProtocol, outerPort: number, port: number): string {
  const name = `${protocol.toUpperCase()} port ${outerPort}`
  return outerPort === port ? name : `${name}, which leads to ${port}`
}

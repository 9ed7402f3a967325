import type { Dataset } from "../dataset/dataset.js"
import type { Console } from "./console.js"

/** Who shares behind a proxy would wait for others in vain. */
export function sayWhoIsServed({ port }: Dataset, console: Console): void {
  if (port !== undefined) return
  console.say(
    "while a proxy is set nobody can connect from outside (--port and --map-port have no effect): only peers that this command connects to are served",
  )
}

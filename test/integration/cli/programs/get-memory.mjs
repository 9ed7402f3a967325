// Gets a dataset, and prints where it is and the most memory the process held, in MiB.
import { readFileSync } from "node:fs"
import * as at from "academictorrents"

const path = await at.get(process.argv[2])
// Not resourceUsage().maxRSS: that is inherited from whoever started the process.
const peak = Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024)
console.log(JSON.stringify({ path, peak }))

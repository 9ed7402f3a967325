import { writeFileSync } from "node:fs"
import { join } from "node:path"

/** Where clients that stay say by a hook that they are complete. */
export function markPath(scratch) {
  return join(scratch, "complete")
}

/** A program that a client may run then. */
export function markScript(scratch) {
  const path = join(scratch, "complete.sh")
  writeFileSync(path, `#!/bin/sh\n: > ${markPath(scratch)}\n`, { mode: 0o755 })
  return path
}

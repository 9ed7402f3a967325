import { writeSync } from "node:fs"
import { describe } from "vitest"

export { academictorrents } from "./academictorrents.js"
export { aria2 } from "./aria2.js"
export { deluge } from "./deluge.js"
export { libtorrent } from "./libtorrent.js"
export { nginx } from "./nginx.js"
export { type Opentracker, opentracker } from "./opentracker.js"
export type { Address, DownloadJob, Partner, Running, SeedJob } from "./partner.js"
export { qbittorrent } from "./qbittorrent.js"
export { rtorrent } from "./rtorrent.js"
export { transmission } from "./transmission.js"
export { webtorrent } from "./webtorrent.js"
export { webtorrentTracker } from "./webtorrent-tracker.js"

/**
 * A suite that needs other programs. Where one is missing the suite is skipped, and one printed line says what to
 * install. A test that fails runs once more, as the other program may have failed and not ours: the run's last lines
 * name each test that needed it, and why.
 */
export function describeWith(
  suite: string,
  partners: readonly { missing(): string | undefined }[],
  tests: () => void,
): void {
  const missing = partners.map((partner) => partner.missing()).filter((need) => need !== undefined)
  if (missing.length === 0) {
    describe(suite, { retry: 1 }, tests)
    return
  }
  // Straight to the run's output: a console line would come with a header of the test runner's.
  writeSync(1, `skipped: suite ${suite} needs ${[...new Set(missing)].join(", ")}\n`)
  describe.skip(suite, tests)
}

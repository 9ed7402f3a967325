import { toHex } from "../bytes/hex.js"
import { AtError } from "../errors.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import { STATE_FOLDER } from "../metainfo/safe-element.js"
import type { Disk } from "../ports/disk.js"
import type { AcquireLock } from "../ports/lock.js"
import { decodeHeader, MAX_HEADER_LENGTH } from "./journal-format.js"
import { inParallel } from "./parallel.js"
import { firstBytes, withFile } from "./read-file.js"

const PARALLEL = 16

/**
 * Two datasets of one name can't share a place. Another one's state that names the same place counts while its data is
 * there, or while somebody is at work on it.
 * @throws AtError `AT_EXISTS`
 */
export async function refuseClaimedName(options: {
  disk: Disk
  acquireLock: AcquireLock
  metainfo: Metainfo
  datastore: string
}): Promise<void> {
  const { disk, metainfo, datastore } = options
  const own = toHex(metainfo.infoHash)
  const states = `${datastore}/${STATE_FOLDER}`
  const others = (await disk.list(states)).filter((name) => name !== own && /^[0-9a-f]{40}$/.test(name))
  await inParallel(others, PARALLEL, async (other) => {
    if ((await nameIn(disk, `${states}/${other}/journal`)) !== metainfo.name) return
    const path = `${datastore}/${metainfo.name}`
    const there = (await disk.stat(path)) ?? (await disk.stat(`${path}.part`))
    if (there === undefined && (await isFree(options.acquireLock, `${states}/${other}/lock`))) return
    throw new AtError("AT_EXISTS", `${path} belongs to another dataset of the same name, ${other}`, {
      hint: "use another `datastore` for this one",
    })
  })
}

/** What the journal's owner is called on disk; undefined when there is no such journal. */
async function nameIn(disk: Disk, journal: string): Promise<string | undefined> {
  try {
    const header = await withFile(disk, journal, (handle) => firstBytes(handle, MAX_HEADER_LENGTH))
    return decodeHeader(header)?.name
  } catch {
    return undefined
  }
}

async function isFree(acquireLock: AcquireLock, path: string): Promise<boolean> {
  try {
    const lock = await acquireLock(path)
    await lock.release()
    return true
  } catch {
    return false
  }
}

import { toHex } from "../bytes/hex.js"
import { decodeUtf8Lenient, encodeUtf8 } from "../bytes/text.js"
import { AtError } from "../errors.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import { STATE_FOLDER } from "../metainfo/safe-element.js"
import type { Disk } from "../ports/disk.js"
import type { AcquireLock } from "../ports/lock.js"
import type { Platform } from "../ports/platform.js"
import type { Directories } from "./directories.js"
import { firstBytes, withFile } from "./read-file.js"

/** Bytes of an infohash in hex. */
const RECORD_LENGTH = 40

export interface ClaimOptions {
  readonly platform: Pick<Platform, "disk" | "hasher" | "acquireLock">
  /** Its lock is ours. */
  readonly metainfo: Metainfo
  readonly datastore: string
  readonly directories: Directories
}

/**
 * Two datasets of one name can't share a place: it belongs to the one that the name's record says (`names/`, by the name's
 * SHA-1). Another gets it once nothing stands there and nobody is at work on the owner. That takes the owner's lock, so
 * whoever holds the lock of a dataset keeps its name, too.
 *
 * Returns how to make a changed record durable, which must be done before data is written.
 * @throws AtError `AT_EXISTS`
 */
export async function claimName(options: ClaimOptions): Promise<(() => Promise<void>) | undefined> {
  const { platform, metainfo, datastore, directories } = options
  const { disk, hasher, acquireLock } = platform
  const own = toHex(metainfo.infoHash)
  const states = `${datastore}/${STATE_FOLDER}`
  const folder = `${states}/names`
  const record = `${folder}/${toHex(hasher.digest("sha1", encodeUtf8(metainfo.name)))}`
  if ((await ownerIn(disk, record)) === own) return undefined
  const path = `${datastore}/${metainfo.name}`
  const claimed = (by: string): AtError =>
    new AtError("AT_EXISTS", `${path} belongs to another dataset of the same name${by}`, {
      hint: "use another `datastore` for this one",
    })
  await directories.ensure(folder)
  // Another that wants the name at this moment will have it.
  await holding(acquireLock, `${record}.lock`, claimed(""), async () => {
    const owner = await ownerIn(disk, record)
    const state = `${states}/${owner}`
    if (owner === undefined || (await disk.stat(state)) === undefined) return write(disk, record, own)
    await holding(acquireLock, `${state}/lock`, claimed(`, ${owner}`), async () => {
      const there = (await disk.stat(path)) ?? (await disk.stat(`${path}.part`))
      if (there !== undefined && (await disk.stat(`${state}/journal`)) !== undefined) throw claimed(`, ${owner}`)
      await write(disk, record, own)
    })
  })
  return async () => {
    await withFile(disk, record, (handle) => handle.sync())
    await disk.syncDirectory(folder)
  }
}

/** Undefined when there is no such record, or one that a power cut left. */
async function ownerIn(disk: Disk, record: string): Promise<string | undefined> {
  if ((await disk.stat(record)) === undefined) return undefined
  const owner = decodeUtf8Lenient(await withFile(disk, record, (handle) => firstBytes(handle, RECORD_LENGTH)))
  return /^[0-9a-f]{40}$/.test(owner) ? owner : undefined
}

async function write(disk: Disk, record: string, owner: string): Promise<void> {
  const handle = await disk.open(`${record}.new`, "create")
  try {
    await handle.truncate(0)
    await handle.write([encodeUtf8(owner)], 0)
  } finally {
    await handle.close()
  }
  await disk.rename(`${record}.new`, record)
}

/** @throws `refusal` when somebody else has the lock */
async function holding(
  acquireLock: AcquireLock,
  path: string,
  refusal: AtError,
  action: () => Promise<void>,
): Promise<void> {
  const lock = await acquireLock(path).catch((error: unknown) => {
    throw error instanceof AtError && error.code === "AT_LOCKED" ? refusal : error
  })
  try {
    await action()
  } finally {
    await lock.release()
  }
}

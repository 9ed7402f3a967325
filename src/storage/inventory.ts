import { sameBytes } from "../bytes/same-bytes.js"
import { AtError } from "../errors.js"
import { wholeInfoHash } from "../metainfo/known-as.js"
import { truncated } from "../metainfo/swarm-names.js"
import { type Disk, DiskError } from "../ports/disk.js"
import type { Platform } from "../ports/platform.js"
import { sameStamp, stampOf } from "./data-file.js"
import { Directories, parentOf } from "./directories.js"
import { diskFault } from "./disk-fault.js"
import { decodeInventory, encodeInventory, type Inventory, MAX_INVENTORY_LENGTH, Stamps } from "./inventory-format.js"
import { MAX_JOURNAL_LENGTH } from "./journal.js"
import { PieceState, type Stamp } from "./journal-state.js"
import type { OpenedStore } from "./open-store.js"
import { inParallel, PARALLEL_LOOKS } from "./parallel.js"
import { firstBytes, withFile } from "./read-file.js"
import { stateDirectory } from "./state-directory.js"

/**
 * Writes down what the files of a dataset look like, beside its journal, if that was closed clean and says that the dataset is
 * complete. By whoever has the dataset's lock. Where that fails, the next one who wants the dataset has to open it.
 */
export async function writeInventory(store: OpenedStore): Promise<void> {
  try {
    await renew(store)
  } catch (error) {
    store.platform.log.log("info", "storage", `no inventory: ${diskFault(error).message}`)
  }
}

/**
 * The inventory of a complete dataset, if its journal is the one that it was written for, and all its files still look as they
 * did: then an open store would find nothing to do. Undefined where there is any doubt, or once `signal` is aborted.
 *
 * `infoHash`: of v1, or a whole one of v2.
 */
export async function findComplete(
  platform: Pick<Platform, "disk" | "hasher">,
  place: { readonly datastore: string; readonly infoHash: Uint8Array; readonly signal?: AbortSignal | undefined },
): Promise<Inventory | undefined> {
  const { disk } = platform
  const { datastore, infoHash, signal } = place
  const folder = stateDirectory(datastore, truncated(infoHash))
  // A store refuses what is reached through a link.
  const directories = new Directories({ disk, base: datastore })
  try {
    if ((await directories.inspect(folder)) === "absent") return undefined
    const inventory = await readInventory(platform, `${folder}/inventory`)
    if (inventory === undefined || !sameBytes(inventory.infoHash, infoHash)) return undefined
    if (inventory.bootId !== "" && inventory.bootId !== (await disk.bootId())) return undefined
    const journal = await digestOf(platform, `${folder}/journal`)
    if (journal === undefined || !sameBytes(journal, inventory.journal)) return undefined
    const root = `${datastore}/${inventory.name}`
    return (await standsAsListed(disk, directories, root, inventory, signal)) ? inventory : undefined
  } catch (error) {
    // Who opens the store will meet it, and say what it means.
    if (error instanceof DiskError || error instanceof AtError) return undefined
    throw error
  }
}

/** Not when there is one for the same journal. */
async function renew(store: OpenedStore): Promise<void> {
  const { platform, folder } = store
  const { disk, hasher } = platform
  const journal = await digestOf(platform, `${folder}/journal`)
  if (journal === undefined) return
  const place = `${folder}/inventory`
  const there = await readInventory(platform, place)
  if (there !== undefined && sameBytes(there.journal, journal)) return
  const inventory = takeInventory(store, journal)
  if (inventory === undefined) return
  const bytes = encodeInventory(inventory, hasher)
  if (bytes.length > MAX_INVENTORY_LENGTH) return
  const draft = `${place}.new`
  try {
    await write(disk, draft, bytes)
    await disk.rename(draft, place)
  } catch (error) {
    await disk.remove(draft).catch(() => {})
    throw error
  }
}

/** Undefined when the journal does not say that all is there. */
function takeInventory({ metainfo, files, journal, root }: OpenedStore, digest: Uint8Array): Inventory | undefined {
  const { layout, name } = metainfo
  const { pieces, stamps, bootId } = journal.state
  if (pieces.some((piece) => piece < PieceState.written)) return undefined
  const isOnDisk = pieces.every((piece) => piece === PieceState.done)
  // With the operating system it is safe for as long as the machine runs, where that can be told.
  if (!isOnDisk && bootId === "") return undefined
  const paths: string[] = []
  const listed: Stamp[] = []
  for (const file of files.all) {
    if (file === undefined) continue
    const stamp = stamps.get(file.index)
    if (stamp?.place !== "final" || stamp.size !== file.length) return undefined
    paths.push(file.path.slice(root.length + 1))
    listed.push(stamp)
  }
  return {
    infoHash: wholeInfoHash(metainfo),
    name,
    dataLength: layout.dataLength,
    pieceCount: layout.pieceCount,
    bootId: isOnDisk ? "" : bootId,
    journal: digest,
    paths,
    stamps: Stamps.of(listed),
  }
}

async function standsAsListed(
  disk: Disk,
  directories: Directories,
  root: string,
  { paths, stamps }: Inventory,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  let same = true
  const goesOn = (): boolean => same && signal?.aborted !== true
  function* whileItDoes(): Generator<number> {
    for (let index = 0; index < paths.length && goesOn(); index++) yield index
  }
  await inParallel(whileItDoes(), PARALLEL_LOOKS, async (index) => {
    const path = paths[index]
    const whole = path === "" ? root : `${root}/${path}`
    const found = (await directories.inspect(parentOf(whole))) === "there" ? await disk.stat(whole) : undefined
    if (found === undefined || !sameStamp(stampOf("final", found), stamps.at(index))) same = false
  })
  return goesOn()
}

async function readInventory(
  { disk, hasher }: Pick<Platform, "disk" | "hasher">,
  path: string,
): Promise<Inventory | undefined> {
  const bytes = await read(disk, path, MAX_INVENTORY_LENGTH)
  return bytes && decodeInventory(bytes, hasher)
}

async function digestOf(
  { disk, hasher }: Pick<Platform, "disk" | "hasher">,
  journal: string,
): Promise<Uint8Array | undefined> {
  const bytes = await read(disk, journal, MAX_JOURNAL_LENGTH)
  return bytes && hasher.digest("sha1", bytes)
}

/** A whole file; undefined when there is none, or it is longer. */
async function read(disk: Disk, path: string, most: number): Promise<Uint8Array | undefined> {
  const found = await disk.stat(path)
  if (found?.kind !== "file" || found.size > most) return undefined
  return withFile(disk, path, (handle) => firstBytes(handle, found.size))
}

async function write(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const handle = await disk.open(path, "create")
  try {
    await handle.truncate(0)
    await handle.write([bytes], 0)
  } finally {
    await handle.close()
  }
}

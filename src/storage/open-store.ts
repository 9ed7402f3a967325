import { Bitfield } from "../bytes/bitfield.js"
import { sameBytes } from "../bytes/same-bytes.js"
import { AtError, abortError } from "../errors.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import type { Disk } from "../ports/disk.js"
import type { AcquireLock, Lock } from "../ports/lock.js"
import type { Platform } from "../ports/platform.js"
import { arrange } from "./arrange.js"
import { claimName } from "./claim-name.js"
import type { DataFile } from "./data-file.js"
import { DataFiles } from "./data-files.js"
import { Directories, parentOf } from "./directories.js"
import { Durability } from "./durability.js"
import { Edges } from "./edges.js"
import { FilePool } from "./file-pool.js"
import { checkFreeSpace } from "./free-space.js"
import { Journal, type JournalOptions } from "./journal.js"
import type { LastEnd } from "./look-at-files.js"
import { inParallel } from "./parallel.js"
import type { CheckOptions, WritingParts } from "./parts.js"
import { placeInDatastore } from "./place-files.js"
import { firstBytes, withFile } from "./read-file.js"
import { type ResumeDecision, trusted } from "./resume.js"
import { markSelected } from "./selected-files.js"
import { stateDirectory } from "./state-directory.js"

export interface PieceStoreOptions extends CheckOptions {
  readonly platform: Pick<Platform, "clock" | "random" | "disk" | "hasher" | "acquireLock" | "log">
  readonly metainfo: Metainfo
  /** Kept as `dataset.torrent` beside the journal. */
  readonly torrentBytes?: Uint8Array | undefined
  /** They take the place of others that are kept there: trackers and web seeds may be corrected. Default: false. */
  readonly replacesTorrent?: boolean | undefined
  /** Absolute. */
  readonly datastore: string
  /** Indexes of files; absent: all. */
  readonly selected?: ReadonlySet<number> | undefined
  /** `always`: what is there is hashed, whatever the journal says. */
  readonly verify: "auto" | "always"
  /** Pieces that a check found bad: hashed, whatever the journal says. */
  readonly doubted?: ReadonlySet<number> | undefined
  /** Files of which no piece is this dataset's may be replaced, and what stands behind the data of others cut off. Default: false. */
  readonly overwrite?: boolean | undefined
  /**
   * What is missing will be fetched: there must be room for it, and files get their right lengths. False: no file that
   * stands under its final name is touched. Default: true.
   */
  readonly toFetch?: boolean | undefined
  /** How the dataset's own lock is taken. Default: the platform's way, which does not wait. */
  readonly takeLock?: AcquireLock | undefined
}

/** What a store is opened with: what it is made of, and what it must let go of. */
export interface OpenedStore extends WritingParts {
  readonly lock: Lock
  /** The data: DATASTORE/NAME. */
  readonly root: string
  /** The dataset's {@link stateDirectory}. */
  readonly folder: string
  readonly overwrite: boolean
  /** The journal is on the disk, and nothing is written before. Rejects when that fails. */
  readonly ready: Promise<void>
}

/** Where faults of background syncs go once there is a store to hear of them. */
export type FaultSink = (error: unknown) => void

/** Takes the lock, reads the journal, and finds out what is there. */
export async function openStore(options: PieceStoreOptions, onFault: FaultSink): Promise<OpenedStore> {
  const { platform, metainfo, datastore, signal } = options
  const { disk } = platform
  if (signal?.aborted === true) throw abortError(signal.reason)
  const changed = new Set<string>(await makeDatastore(disk, datastore))
  const directories = new Directories({ disk, base: datastore, onChanged: (parent) => changed.add(parent) })
  const folder = stateDirectory(datastore, metainfo.infoHash)
  await directories.ensure(folder)
  const lock = await (options.takeLock ?? platform.acquireLock)(`${folder}/lock`)
  let pool: FilePool | undefined
  let journal: Journal | undefined
  let durability: Durability | undefined
  try {
    const syncClaim = await claimName({ platform, metainfo, datastore, directories })
    const journalOptions = { ...(await journalPlace(disk, metainfo, folder)), disk }
    const old = await Journal.read(journalOptions)
    const isNew = old === undefined
    if (isNew) await sayUnreadable(platform, journalOptions.path)
    journal = old ?? Journal.blank(journalOptions)
    const { bootId } = journalOptions
    const wasClean = journal.state.clean
    const sameBoot = bootId !== "" && journal.state.bootId === bootId
    const isSound = isNew || (wasClean && sameBoot)
    pool = new FilePool({ disk, onCloseError: onFault })
    const parts = await assemble(options, { journal, pool, directories, folder, onFault })
    durability = parts.durability
    markSelected(parts.files, options.selected)
    let keeps = false
    const onFirstFound = (): void => {
      keeps = true
      if (isSound) parts.journal.takeOver()
      // Its name is durable before what it says is; if that fails, so does the next sync, which is heard of.
      if (isNew) parts.journal.rewrite().catch(() => {})
      for (const above of directories.upFrom(folder)) parts.durability.changed(above)
    }
    try {
      await resume(parts, options, { isNew, sameBoot, bootId, onFirstFound })
    } catch (error) {
      if (keeps) await keepFound(parts, isSound && isAborted(error) ? "clean" : "as it is")
      throw error
    }
    journal.takeOver()
    if (options.toFetch !== false) await checkFreeSpace(parts, datastore)
    // A process that was killed may have left a journal whose name was not durable yet.
    if (!wasClean) {
      for (const above of directories.upFrom(folder)) changed.add(above)
      changed.add(parentOf(datastore))
    }
    // What was found by hashing is not to be hashed again, or lost with its file's selection, should we die from here on.
    const asItWas = wasClean && journal.isAsRead
    if (!isNew) await journal.flush()
    const keep = [() => keepTorrent(folder, options)]
    if (syncClaim !== undefined) keep.push(syncClaim)
    const ready = makeJournalDurable(parts, { isNew, asItWas, folders: changed, datastore, keep })
    // Whoever commits hears of it.
    ready.catch(() => {})
    return {
      ...parts,
      lock,
      root: `${datastore}/${metainfo.name}`,
      folder,
      overwrite: options.overwrite ?? false,
      ready,
    }
  } catch (error) {
    await durability?.abandon()
    await Promise.allSettled([pool?.close(), journal?.close()])
    await lock.release().catch(() => {})
    throw error
  }
}

/** Somebody may wonder why all is hashed. */
async function sayUnreadable({ disk, log }: PieceStoreOptions["platform"], journal: string): Promise<void> {
  if ((await disk.stat(journal)) === undefined) return
  log.log("warn", "storage", `${journal} is damaged, or of a later version, and replaced: what is there is hashed`)
}

function isAborted(error: unknown): boolean {
  return error instanceof AtError && error.code === "AT_ABORTED"
}

/** The last of what a check has found before it ended early, so that the next one need not hash it again. */
async function keepFound({ journal, durability, platform }: WritingParts, how: "clean" | "as it is"): Promise<void> {
  try {
    await durability.finish()
    await journal.flush()
    if (how === "clean") await journal.markClean()
  } catch (error) {
    platform.log.log("warn", "storage", `what was checked last is checked again the next time: ${String(error)}`)
  }
}

/** Returns the folders that something was made in. */
async function makeDatastore(disk: Disk, datastore: string): Promise<string[]> {
  const changed: string[] = []
  for (let path = datastore; path !== "/" && (await disk.stat(path)) === undefined; path = parentOf(path)) {
    changed.push(parentOf(path))
  }
  if (changed.length > 0) await disk.makeDirectory(datastore)
  return changed
}

/** Where the journal lies, and what it must be about. */
export async function journalPlace(
  disk: Disk,
  metainfo: Metainfo,
  folder: string,
): Promise<Omit<JournalOptions, "disk">> {
  const { infoHash, name, layout } = metainfo
  return {
    path: `${folder}/journal`,
    folder,
    header: { infoHash, name },
    pieceCount: layout.pieceCount,
    fileCount: layout.files.length,
    bootId: await disk.bootId(),
  }
}

async function assemble(
  options: PieceStoreOptions,
  made: { journal: Journal; pool: FilePool; directories: Directories; folder: string; onFault: FaultSink },
): Promise<WritingParts> {
  const { platform, metainfo, datastore } = options
  const { disk, clock } = platform
  const { journal, pool, directories, folder, onFault } = made
  const { layout } = metainfo
  const edges = await Edges.load({ disk, pool, directories, folder: `${folder}/edges` })
  const table = await placeInDatastore(disk, metainfo, datastore)
  const files = new DataFiles({ disk, layout, files: table, pool, directories, edges })
  const durability = new Durability({ clock, disk, files, journal, onFault })
  directories.onChanged = (changed) => durability.changed(changed)
  const have = new Bitfield(layout.pieceCount)
  return { platform, metainfo, files, pool, journal, durability, have }
}

async function resume(
  parts: WritingParts,
  options: PieceStoreOptions,
  how: { isNew: boolean; sameBoot: boolean; bootId: string; onFirstFound: () => void },
): Promise<void> {
  const { journal, files, metainfo, platform } = parts
  const { layout } = metainfo
  const { isNew, sameBoot, bootId, onFirstFound } = how
  const { doubted } = options
  const { home, ours, clean } = journal.state
  const before = isNew ? "clean" : lastEnd(clean, sameBoot)
  // Who was stopped may have had no time to say that it made a file.
  const isLookedAt = ({ selected, index }: DataFile): boolean =>
    selected || home.has(index) || (before !== "clean" && ours.has(index))
  const looked = files.all.filter((file) => file !== undefined).filter(isLookedAt)
  const decide = (found: Parameters<typeof trusted>[0]["found"]): ResumeDecision =>
    trusted({ layout, journal: journal.state, bootId, found, doubted, random: (below) => platform.random.below(below) })
  const { verify, overwrite = false, toFetch = true, signal, onChecking } = options
  await arrange(parts, looked, { verify, overwrite, toFetch, before, decide, onFirstFound, signal, onChecking })
}

function lastEnd(clean: boolean, sameBoot: boolean): LastEnd {
  if (clean) return sameBoot ? "clean" : "clean-once"
  return sameBoot ? "process-died" : "machine-may-have-died"
}

/** The .torrent beside the data, so that it can be opened without the network. An empty one is what a power cut left. */
async function keepTorrent(folder: string, options: PieceStoreOptions): Promise<void> {
  const { torrentBytes: bytes, replacesTorrent = false, metainfo, platform } = options
  const { disk, log } = platform
  const path = `${folder}/dataset.torrent`
  if (bytes === undefined) return
  if (((await disk.stat(path))?.size ?? 0) === 0) return writeTorrent(disk, path, bytes)
  // A hybrid's may be without the piece layers, which the kept one may have.
  const lacksLayers = metainfo.fileNodes?.complete === false
  if (!replacesTorrent || lacksLayers || (await holds(disk, path, bytes))) return
  await writeTorrent(disk, path, bytes).catch((error: unknown) => {
    // What is there will do: a full disk is no reason not to share what is on it.
    log.log("warn", "storage", `${path} is not replaced: ${String(error)}`)
  })
}

async function writeTorrent(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const handle = await disk.open(`${path}.new`, "create")
  try {
    await handle.truncate(0)
    await handle.write([bytes], 0)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await disk.rename(`${path}.new`, path)
  await disk.syncDirectory(parentOf(path))
}

/** False also when the file can't be read. */
async function holds(disk: Disk, path: string, bytes: Uint8Array): Promise<boolean> {
  const kept = await withFile(disk, path, (handle) => firstBytes(handle, bytes.length + 1)).catch(() => undefined)
  return kept !== undefined && sameBytes(kept, bytes)
}

/**
 * Before the first file is made, the journal says durably that we make it; before a piece is written anew, that it is
 * not there any more.
 */
async function makeJournalDurable(
  { journal, platform }: WritingParts,
  how: {
    isNew: boolean
    asItWas: boolean
    folders: ReadonlySet<string>
    datastore: string
    keep: readonly (() => Promise<void>)[]
  },
): Promise<void> {
  const { isNew, asItWas, folders, datastore, keep } = how
  const syncs = [...folders].map((folder) => async (): Promise<void> => {
    await platform.disk.syncDirectory(folder).catch((error: unknown) => {
      // Above the datastore there may be folders that we may not even read.
      if (folder.length >= datastore.length) throw error
    })
  })
  if (isNew) syncs.push(() => journal.rewrite())
  else if (!asItWas) syncs.push(() => journal.sync())
  syncs.push(...keep)
  // All at a time: file systems make one commit of syncs that come together.
  await inParallel(syncs, syncs.length, (sync) => sync())
}

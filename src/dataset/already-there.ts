import { toHex } from "../bytes/hex.js"
import { rawMember } from "../metainfo/raw-member.js"
import { createPlatform } from "../node/platform.js"
import type { Platform } from "../ports/platform.js"
import { findComplete } from "../storage/inventory.js"
import type { Inventory } from "../storage/inventory-format.js"
import { guarded } from "./guarded.js"
import type { Options } from "./options.js"
import { readTorrent } from "./resolve.js"
import { safeListener } from "./safe-listener.js"
import { completeSnapshot } from "./still-snapshot.js"
import type { Target } from "./target.js"
import type { Understood } from "./understand.js"

/** A dataset of which all is on disk. */
export interface AlreadyThere {
  /** Absolute. */
  readonly path: string
  /** Bytes of all its files. */
  readonly length: number
}

/**
 * Finds a complete dataset by its inventory alone: its metadata and its journal are not decoded, only its files looked at.
 * Undefined when it has to be opened, to find out more or to do what else the options ask for.
 */
export function alreadyThere({ parsed, datastore, options }: Understood): Promise<AlreadyThere | undefined> {
  return guarded(async () => {
    const { signal, onProgress, log } = options
    if (signal?.aborted || !wantsOnlyAll(options)) return undefined
    const platform = createPlatform({ log })
    try {
      const inventory = await findByTarget(parsed, { datastore, signal }, platform)
      if (inventory === undefined) return undefined
      const { name, infoHash, dataLength, pieceCount } = inventory
      platform.log.log("info", "dataset", `all files of ${name} are as its inventory says`)
      const dataset = { name, infoHash: toHex(infoHash) }
      safeListener(onProgress, platform.log)?.(completeSnapshot(dataset, { bytes: dataLength, pieces: pieceCount }))
      return { path: `${datastore}/${name}`, length: dataLength }
    } finally {
      await platform.close()
    }
  })
}

/** Nothing is asked for but the whole dataset in its datastore. */
function wantsOnlyAll({ data, include = [], exclude = [], verify, seed, superSeed, sync }: Options): boolean {
  const isWhole = include.length === 0 && exclude.length === 0
  return isWhole && data === undefined && verify !== "always" && !seed && !superSeed && !sync
}

async function findByTarget(
  target: Target,
  place: { readonly datastore: string; readonly signal: AbortSignal | undefined },
  platform: Platform,
): Promise<Inventory | undefined> {
  for (const infoHash of await infoHashes(target, platform)) {
    const found = await findComplete(platform, { ...place, infoHash })
    if (found !== undefined) return found
  }
  return undefined
}

/** What a dataset may be known by that is named so. Of a magnet link only, if it gives one name and asks for no single files. */
async function infoHashes(target: Target, { disk, hasher }: Platform): Promise<Uint8Array[]> {
  switch (target.kind) {
    case "info-hash":
      return [target.infoHash.bytes]
    case "magnet": {
      const { infoHash, infoHashV2, selectOnly } = target.magnet
      const names = [infoHash, infoHashV2].filter((name) => name !== null)
      return names.length === 1 && selectOnly === null ? names : []
    }
    case "file": {
      const torrent = await readTorrent(target.path, { disk }).catch(() => undefined)
      const info = torrent && rawMember(torrent, "info")
      return info === undefined ? [] : [hasher.digest("sha1", info), hasher.digest("sha256", info)]
    }
    case "url":
      return []
  }
}

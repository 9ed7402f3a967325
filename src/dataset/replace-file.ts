import { toHex } from "../bytes/hex.js"
import { DiskError } from "../ports/disk.js"
import type { Platform } from "../ports/platform.js"

/** Writes a file: all of it or none, also when the process ends meanwhile. `durable`: even when the machine dies. */
export async function replaceFile(
  { disk, random }: Pick<Platform, "disk" | "random">,
  path: string,
  bytes: Uint8Array,
  { durable }: { readonly durable: boolean },
): Promise<void> {
  await besideIt({ disk, random }, path, async (temporary) => {
    const handle = await disk.open(temporary, "create-new")
    try {
      await handle.write([bytes], 0)
      if (durable) await handle.sync()
    } finally {
      await handle.close()
    }
    await disk.rename(temporary, path)
  })
}

/** Fails where {@link replaceFile} would because nothing can be made there. */
export function tryPlace({ disk, random }: Pick<Platform, "disk" | "random">, path: string): Promise<void> {
  return besideIt({ disk, random }, path, async (temporary) => {
    await (await disk.open(temporary, "create-new")).close()
    await disk.remove(temporary)
  })
}

/** Does something with a file of another name beside the one at `path`. When that fails, nothing is left of it. */
async function besideIt(
  { disk, random }: Pick<Platform, "disk" | "random">,
  path: string,
  work: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${toHex(random.bytes(6))}`
  try {
    await work(temporary)
  } catch (error) {
    await disk.remove(temporary).catch(() => {})
    if (!(error instanceof DiskError)) throw error
    // Nobody knows the temporary name.
    throw new DiskError(error.failure, path, error.message.replaceAll(temporary, path), error.cause)
  }
}

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
  const temporary = `${path}.${toHex(random.bytes(6))}`
  try {
    const handle = await disk.open(temporary, "create-new")
    try {
      await handle.write([bytes], 0)
      if (durable) await handle.sync()
    } finally {
      await handle.close()
    }
    await disk.rename(temporary, path)
  } catch (error) {
    await disk.remove(temporary).catch(() => {})
    if (!(error instanceof DiskError)) throw error
    // Nobody knows the temporary name.
    throw new DiskError(error.failure, path, error.message.replaceAll(temporary, path), error.cause)
  }
}

import { createCipheriv, createHash } from "node:crypto"
import { mkdir, open, readdir, readFile, stat, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { type CreateOptions, createTorrent, type Torrent } from "../../testbed/torrent.js"

/** Bytes that look random and are the same each time for the same seed. */
export function randomBytes(length: number, seed: string | number): Buffer {
  const key = createHash("sha256").update(String(seed)).digest()
  const cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16))
  return cipher.update(Buffer.alloc(length))
}

/** Writes files of the given lengths below a folder; their bytes follow from their paths and the seed. */
export async function randomTree(
  folder: string,
  files: Readonly<Record<string, number>>,
  seed: string | number = 1,
): Promise<void> {
  for (const [path, length] of Object.entries(files)) {
    const target = join(folder, path)
    await mkdir(dirname(target), { recursive: true })
    const handle = await open(target, "w")
    const key = createHash("sha256").update(`${seed} ${path}`).digest()
    const cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16))
    const zeros = Buffer.alloc(Math.min(length, 8 * 1024 * 1024))
    for (let left = length; left > 0; left -= zeros.length) {
      await handle.writeFile(cipher.update(zeros.subarray(0, Math.min(left, zeros.length))))
    }
    await handle.close()
  }
}

/** A torrent of a file or folder, written beside it or where `output` says. */
export async function makeTorrent(
  path: string,
  options: CreateOptions & { output?: string } = {},
): Promise<Torrent & { torrentPath: string }> {
  const { output = `${path}.torrent`, ...create } = options
  const torrent = await createTorrent(path, create)
  await writeFile(output, torrent.bytes)
  return { ...torrent, torrentPath: output }
}

/** What is different between two files or folders, a line each; empty when they are the same, byte for byte. */
export async function differences(left: string, right: string): Promise<string[]> {
  const [a, b] = await Promise.all([contentsOf(left), contentsOf(right)])
  const lines: string[] = []
  for (const [path, digest] of a) {
    const other = b.get(path)
    if (other === undefined) lines.push(`only in the first: ${path}`)
    else if (other !== digest) lines.push(`differs: ${path}`)
  }
  for (const path of b.keys()) if (!a.has(path)) lines.push(`only in the second: ${path}`)
  return lines.sort()
}

async function contentsOf(path: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const walk = async (at: string, name: string): Promise<void> => {
    const status = await stat(at)
    if (status.isDirectory()) {
      for (const entry of await readdir(at)) await walk(join(at, entry), name === "" ? entry : `${name}/${entry}`)
    } else {
      found.set(
        name,
        createHash("sha256")
          .update(await readFile(at))
          .digest("hex"),
      )
    }
  }
  await walk(path, "")
  return found
}

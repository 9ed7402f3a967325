import { closeSync, openSync, rmSync, writeSync } from "node:fs"
import { join } from "node:path"
import { Program } from "../../support/program.js"

/** A small file system of its own, seen only by what is run through `enter`; it vanishes with its holder process. */
export interface Volume extends AsyncDisposable {
  /** Where it is for those inside. */
  readonly path: string
  /** What a command is run through to see it. */
  readonly enter: readonly string[]
  /** The same file as we can reach it from outside. */
  inside(...path: readonly string[]): string
  remount(mode: "ro" | "rw"): Promise<void>
  /** Writes until nothing more fits; returns the file's name. */
  fill(): string
  remove(name: string): void
}

/** What is missing to open one, or undefined. */
export function volumesMissing(): string | undefined {
  if (process.platform !== "linux") return "Linux (mount namespaces)"
  if (process.getuid?.() !== 0) return "root (mount namespaces)"
  return undefined
}

/** Mounts a tmpfs of so many bytes, as mount(8) writes them: `16m`. `files`: for so many files and folders, its own among them. */
export async function openVolume(path: string, size: string, { files }: { files?: number } = {}): Promise<Volume> {
  const options = files === undefined ? `size=${size}` : `size=${size},nr_inodes=${files}`
  const script = `mkdir -p "$1" && mount -t tmpfs -o ${options} tmpfs "$1" && echo inside $$ && exec sleep 300`
  const holder = new Program("unshare", ["--mount", "--", "sh", "-c", script, "sh", path], { maxSeconds: 300 })
  const [, pid = ""] = await holder.until(/inside (\d+)\n/, 10)
  const enter = ["nsenter", `--mount=/proc/${pid}/ns/mnt`, "--"]
  const inside = (...parts: readonly string[]): string => join(`/proc/${pid}/root`, path, ...parts)
  return {
    path,
    enter,
    inside,
    remount: (mode) => new Program("mount", ["-o", `remount,${mode}`, path], { through: enter }).succeeded(10),
    fill() {
      const file = openSync(inside("filler"), "w")
      for (let chunk = 65_536; chunk >= 1; chunk = chunk >> 1) {
        try {
          for (;;) if (writeSync(file, Buffer.alloc(chunk)) < chunk) break
        } catch {
          // Smaller pieces may fit still.
        }
      }
      closeSync(file)
      return "filler"
    },
    remove: (name) => rmSync(inside(name)),
    [Symbol.asyncDispose]: () => holder.stop(),
  }
}

/** What a command is run through to find a folder that exists mounted read-only, as compute nodes often do. */
export function readOnly(folder: string): readonly string[] {
  const script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
  return ["unshare", "--mount", "--", "sh", "-c", script, folder]
}

import { execFileSync } from "node:child_process"
import { randomBytes as chance } from "node:crypto"
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  type Published,
  type PublishOptions,
  startTestbed,
  type Testbed,
  type TestbedOptions,
} from "../../../testbed/testbed.js"
import type { Announce } from "../../../testbed/tracker.js"
import { randomBytes, randomTree } from "../../support/trees.js"
import { built, Command, type Outcome } from "./command.js"

/** Inherited settings that would change what our commands do. */
const KEPT = ["PATH", "LANG", "TMPDIR"]

export interface RunOptions {
  readonly program?: "at-get" | "academictorrents"
  /** The exit code that is wanted; 0 when absent. */
  readonly exits?: number
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  readonly through?: readonly string[]
  readonly maxSeconds?: number
}

/** A published dataset, and where its original lies. */
export type Original = Published & { readonly source: string; readonly name: string }

/** An Academic Torrents on loopback, and a user's home folder in which the built commands are run. */
export class Stage implements AsyncDisposable {
  readonly testbed: Testbed
  readonly folder: string
  readonly home: string
  /** What `AT_DATASTORE` is set to. */
  readonly datastore: string
  readonly #commands = new Set<Command>()

  private constructor(testbed: Testbed, folder: string) {
    this.testbed = testbed
    this.folder = folder
    this.home = join(folder, "home")
    this.datastore = join(folder, "datastore")
    mkdirSync(this.home)
  }

  static async open(options: TestbedOptions = {}): Promise<Stage> {
    return new Stage(await startTestbed(options), mkdtempSync(join(tmpdir(), "at-cli-")))
  }

  get env(): NodeJS.ProcessEnv {
    const inherited = Object.fromEntries(KEPT.map((name) => [name, process.env[name]]))
    return {
      ...inherited,
      HOME: this.home,
      AT_SITE: this.testbed.url,
      AT_DATASTORE: this.datastore,
      AT_DHT_BOOTSTRAP: "",
      AT_NO_LSD: "1",
    }
  }

  /** Publishes a folder of random files, or a single file of so many bytes. */
  async publish(
    name: string,
    files: Readonly<Record<string, number>> | number,
    options: PublishOptions = {},
  ): Promise<Original> {
    // A folder of its own for each: names may clash.
    const source = join(this.folder, "originals", chance(4).toString("hex"), name)
    if (typeof files === "number") {
      mkdirSync(join(source, ".."), { recursive: true })
      writeFileSync(source, randomBytes(files, source))
    } else await randomTree(source, files, source)
    const published = await this.testbed.publish(source, options)
    return { ...published, source, name }
  }

  /** Starts a command: `academictorrents`, unless told otherwise. */
  start(args: readonly string[], options: RunOptions = {}): Command {
    return this.startProgram([...built(options.program ?? "academictorrents"), ...args], options)
  }

  /** Starts any program, with its arguments. */
  startProgram(line: readonly string[], options: Omit<RunOptions, "program"> = {}): Command {
    const command = new Command(line, { ...options, env: { ...this.env, ...options.env } })
    this.#commands.add(command)
    return command
  }

  /** Runs a command to its end, and wants its exit code to be 0, or the one that is named. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return this.start(args, options).exits(options.exits ?? 0)
  }

  /** Waits until a command has announced an event, and returns the announce. */
  async announced(command: Command, event: Announce["event"]): Promise<Announce> {
    const found = (): Announce | undefined => this.testbed.tracker.announces.find((one) => one.event === event)
    await command.until(`it announced ${event}`, () => found() !== undefined)
    return found()!
  }

  /** A path in the datastore. */
  stored(...path: readonly string[]): string {
    return join(this.datastore, ...path)
  }

  /** A path beside the home folder, for whatever a test needs. */
  beside(...path: readonly string[]): string {
    return join(this.folder, ...path)
  }

  /** Writes a dataset's .torrent to a file and returns its path. */
  torrentFile({ name, torrent }: Original): string {
    const path = this.beside(`${name}.torrent`)
    writeFileSync(path, torrent.bytes)
    return path
  }

  /** Requests that any of the testbed's servers has seen: to prove that a command made none. */
  get traffic(): number {
    return (
      this.testbed.site.requests.length + this.testbed.tracker.announces.length + this.testbed.tracker.scrapes.length
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#commands].map((command) => command.kill()))
    await this.testbed.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Whether two files hold the same bytes. */
export function sameFile(left: string, right: string): boolean {
  return readFileSync(left).equals(readFileSync(right))
}

/** Changes a byte in place. */
export function flipByte(path: string, offset: number): void {
  const file = openSync(path, "r+")
  const byte = Buffer.alloc(1)
  readSync(file, byte, 0, 1, offset)
  writeSync(file, Buffer.of(byte[0]! ^ 0xff), 0, 1, offset)
  closeSync(file)
}

/** Flips a bit and leaves inode, size and time as they were. */
export function changeUnseen(path: string, offset: number): void {
  const times = `${path}.times`
  execFileSync("touch", ["-r", path, times])
  flipByte(path, offset)
  execFileSync("touch", ["-r", times, path])
  rmSync(times)
}

/** For `await using` with what only has a `close`. */
export function disposable<T extends { close(): Promise<void> }>(closable: T): T & AsyncDisposable {
  return Object.assign(closable, { [Symbol.asyncDispose]: () => closable.close() })
}

/** Pieces of a single-file dataset that are right in a file, which may be unfinished or absent. */
export function wholePieces(path: string, { torrent, source }: Original): number[] {
  if (!existsSync(path)) return []
  const there = readFileSync(path)
  const right = readFileSync(source)
  return Array.from({ length: torrent.pieceCount }, (_, piece) => piece).filter((piece) => {
    const from = piece * torrent.pieceLength
    const wanted = right.subarray(from, from + torrent.pieceLength)
    return there.subarray(from, from + wanted.length).equals(wanted)
  })
}

/** Whether a block of the piece went out since `before`, a copy of `blocksServed`, was made. */
export function servedSince({ seeders }: Original, before: Uint16Array, piece: number): boolean {
  const { blocksServed, blocksPerPiece } = seeders[0]!
  const first = piece * blocksPerPiece
  const last = first + blocksPerPiece
  return !Buffer.from(blocksServed.slice(first, last).buffer).equals(Buffer.from(before.slice(first, last).buffer))
}

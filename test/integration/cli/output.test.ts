import { readFileSync, writeFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { findProgram } from "../../support/program.js"
import { built, jsonLines } from "./command.js"
import { type Original, Stage } from "./stage.js"

const LENGTH = 1_500_000
const ESCAPE = "\x1b"
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are made of them
const COLOUR = /\x1b\[[0-9;]*m/g

function published(stage: Stage, rate = Number.POSITIVE_INFINITY): Promise<Original> {
  return stage.publish("one.bin", LENGTH, {
    create: { pieceLength: 65_536 },
    seeders: [{ rate }],
    webSeeds: [{ rate }],
  })
}

describe("what get says", () => {
  it("without a terminal is a line of what was done, without colour", async () => {
    await using stage = await Stage.open()
    const { infoHash } = await published(stage)
    const { stdout, stderr } = await stage.run(["get", infoHash])
    expect(stdout).toBe(`${stage.stored("one.bin")}\n`)
    // On a busy machine two sources may race for the last piece, and the start may take long.
    expect(stderr).toMatch(/^1\.\d MiB in .*\/s(; .*)?\n$/)
    expect((await stage.run(["get", infoHash])).stderr).toMatch(/were on disk already and are verified\n$/)
  })

  it("is nothing with -q", async () => {
    await using stage = await Stage.open()
    const { infoHash } = await published(stage)
    const { stdout, stderr } = await stage.run(["get", infoHash, "-q"])
    expect([stdout, stderr]).toEqual([`${stage.stored("one.bin")}\n`, ""])
  })

  it("is an error even with -q", async () => {
    await using stage = await Stage.open()
    expect((await stage.run(["get", "0".repeat(40), "-q"], { exits: 3 })).stderr).toMatch(/^error: /)
  })

  it("is a log on standard error with -v, and more of it with -vv", async () => {
    await using stage = await Stage.open()
    const { infoHash } = await published(stage)
    const once = await stage.run(["get", infoHash, "-v", "-o", stage.beside("once")])
    const twice = await stage.run(["get", infoHash, "-vv", "-o", stage.beside("twice")])
    expect(once.stdout).toBe(`${stage.beside("once/one.bin")}\n`)
    expect(twice.stdout).toBe(`${stage.beside("twice/one.bin")}\n`)
    expect(once.stderr).not.toMatch(/^debug /m)
    expect(twice.stderr).toMatch(/^debug /m)
  })

  it("is JSON Lines with --json: progress, then one last done", async () => {
    await using stage = await Stage.open()
    const { infoHash } = await published(stage, 1_000_000)
    const { stdout, stderr } = await stage.run(["get", infoHash, "--json"])
    expect(stderr).toBe("")
    const lines = jsonLines(stdout)
    expect(lines.at(-1)).toEqual({ type: "done", path: stage.stored("one.bin") })
    const progress = lines.slice(0, -1)
    expect(progress.length).toBeGreaterThan(1)
    expect(new Set(progress.map(({ type }) => type))).toEqual(new Set(["progress"]))
    const last = progress.at(-1)!
    expect(last).toMatchObject({
      name: "one.bin",
      infoHash,
      totalBytes: LENGTH,
      doneBytes: LENGTH,
      totalPieces: 23,
      donePieces: 23,
    })
    expect(Number(last["fromPeers"]) + Number(last["fromWebSeeds"])).toBeGreaterThanOrEqual(LENGTH)
    const done = progress.map(({ doneBytes, state }) => (state === "checking" ? 0 : Number(doneBytes)))
    expect(done).toEqual([...done].sort((a, b) => a - b))
  })

  it("is whose answer it waits for, when the site is silent", async () => {
    await using stage = await Stage.open({ site: { fault: () => ({ kind: "silent" }) } })
    const hash = "0".repeat(40)
    const args = ["get", hash, "--json", "--no-dht", "--timeout", "3s"]
    const lines = jsonLines((await stage.run(args, { exits: 4 })).stdout)
    const waitingFor = `an answer from ${new URL(stage.testbed.url).host}`
    expect(lines[0]).toMatchObject({ type: "progress", state: "metadata", infoHash: hash, waitingFor })
    expect(lines.at(-1)).toMatchObject({ type: "error", code: "AT_STALLED" })
  })

  it("is the last line alone with --json -q", async () => {
    await using stage = await Stage.open()
    const { infoHash } = await published(stage)
    const { stdout } = await stage.run(["get", infoHash, "--json", "-q"])
    expect(jsonLines(stdout)).toEqual([{ type: "done", path: stage.stored("one.bin") }])
  })

  it("is only done with --json when all is there", async () => {
    await using stage = await Stage.open()
    const { infoHash } = await published(stage)
    await stage.run(["get", infoHash])
    const { stdout } = await stage.run(["get", infoHash, "--json"])
    expect(jsonLines(stdout).at(-1)).toEqual({ type: "done", path: stage.stored("one.bin") })
  })
})

describe.skipIf(findProgram("script") === undefined)("on a terminal", () => {
  /** Runs `command` of a shell on a pseudo-terminal of 100 columns and returns what the terminal was sent. */
  async function onTerminal(stage: Stage, command: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
    const log = stage.beside("typescript")
    writeFileSync(stage.beside("run.sh"), `stty rows 40 cols 100\n${command}\n`)
    const line = ["script", "-qec", `sh ${stage.beside("run.sh")}`, log]
    const { stderr } = await stage.startProgram(line, { env: { TERM: "xterm", ...env } }).ended
    expect(stderr).toBe("")
    return readFileSync(log, "utf8")
      .replace(/^Script started.*\n/, "")
      .replace(/\n?Script done.*\n$/, "\n")
      .replaceAll("\r\n", "\n")
  }

  const atGet = (infoHash: string): string => [...built("at-get"), infoHash].join(" ")

  it("progress redraws itself in place and is gone at the end", async () => {
    await using stage = await Stage.open()
    const { infoHash } = await published(stage, 500_000)
    const sent = await onTerminal(stage, `${atGet(infoHash)} > ${stage.beside("stdout")}`)
    expect(readFileSync(stage.beside("stdout"), "utf8")).toBe(`${stage.stored("one.bin")}\n`)
    expect(sent).toContain(`${ESCAPE}[3A${ESCAPE}[J`)
    const plain = sent.replace(COLOUR, "")
    expect(plain).toMatch(/\d\.\d % .*one\.bin/)
    expect(plain).toMatch(/from 1 peer .*, from 1 web seed /)
    expect(plain).toMatch(/pieces \d+\/23/)
    expect(plain).toMatch(/ left,/)
    expect(`${screen(sent).trimEnd()}\n`).toMatch(/^1\.\d MiB in [\d.]+ s, .*\/s\n$/)
  })

  it("the path stands alone below what is said", async () => {
    await using stage = await Stage.open()
    const { infoHash } = await published(stage, 1_000_000)
    const lines = screen(await onTerminal(stage, atGet(infoHash)))
      .trimEnd()
      .split("\n")
    expect(lines.length).toBe(2)
    expect(lines.at(-1)).toBe(stage.stored("one.bin"))
  })

  it("there is colour, and none with NO_COLOR", async () => {
    await using stage = await Stage.open()
    const { infoHash } = await published(stage, 2_000_000)
    expect(await onTerminal(stage, `${atGet(infoHash)} > /dev/null`)).toMatch(COLOUR)
    const bare = await onTerminal(stage, `${atGet(infoHash)} -o ${stage.beside("again")}`, { NO_COLOR: "1" })
    expect(bare).not.toMatch(COLOUR)
    expect(bare).toContain("one.bin")
    // Standard error that is no terminal gets none, wherever the path goes.
    await onTerminal(stage, `${atGet("0".repeat(40))} 2> ${stage.beside("stderr")}`)
    expect(readFileSync(stage.beside("stderr"), "utf8")).not.toMatch(COLOUR)
  })

  it("says whose answer is waited for, and clears that away", async () => {
    await using stage = await Stage.open({ site: { fault: () => ({ kind: "silent" }) } })
    const sent = await onTerminal(stage, `${atGet("0".repeat(40))} --no-dht --timeout 3s`)
    const waiting = `waiting: an answer from ${new URL(stage.testbed.url).host}`
    expect(sent.replace(COLOUR, "")).toContain(`fetching the metadata\n       ${waiting}\n`)
    expect(screen(sent)).toMatch(/^error: /)
  })

  it("a dumb one gets lines", async () => {
    await using stage = await Stage.open()
    const { infoHash } = await published(stage, 2_000_000)
    expect(await onTerminal(stage, atGet(infoHash), { TERM: "dumb" })).not.toContain(ESCAPE)
  })

  it("Ctrl-C leaves a clean screen", async () => {
    await using stage = await Stage.open()
    const dataset = await published(stage, 100_000)
    const script = `${atGet(dataset.infoHash)} & pid=$!; until [ -e ${stage.stored("one.bin.part")} ]; do :; done; kill -INT $pid; wait $pid`
    // A shell's background jobs ignore SIGINT, so that TERM stands for it.
    const sent = await onTerminal(stage, script.replace("-INT", "-TERM"))
    const lines = screen(sent).trimEnd().split("\n")
    expect(lines[0]).toMatch(/^stopping: /)
    expect(lines[1]).toMatch(/^stopped; run the same command again/)
    expect(lines.length).toBe(2)
  })
})

/** What a terminal shows in the end: knows line feeds, cursor up, erase below, and colours. */
function screen(sent: string): string {
  const lines: string[] = [""]
  let row = 0
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are told by them
  for (const part of sent.split(/(\n|\r|\x1b\[[0-9;]*[A-Za-z])/)) {
    if (part === "\n") {
      row++
      lines[row] ??= ""
    } else if (part.endsWith("A") && part.startsWith(ESCAPE)) row -= Number(part.slice(2, -1))
    else if (part === `${ESCAPE}[J`) lines.splice(row, lines.length, "")
    else if (!part.startsWith(ESCAPE) && part !== "\r") lines[row] += part
  }
  return lines.join("\n")
}

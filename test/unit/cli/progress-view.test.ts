import { stripVTControlCharacters } from "node:util"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LineView, LiveView } from "../../../src/cli/progress-view.js"
import { progressLine } from "../../../src/cli/progress-words.js"
import type { ProgressSnapshot } from "../../../src/torrent/statistics/progress.js"
import { anyText } from "../../support/any-text.js"

const MiB = 2 ** 20

const downloading: ProgressSnapshot = {
  name: "vega-datasets",
  infoHash: "00".repeat(20),
  state: "downloading",
  totalBytes: 40 * MiB,
  doneBytes: 10 * MiB,
  totalPieces: 160,
  donePieces: 40,
  downloadRate: 5 * MiB,
  uploadRate: 0,
  eta: 6,
  fromPeers: 7 * MiB,
  fromWebSeeds: 3 * MiB,
  uploaded: 0,
  wasted: 0,
  peers: { connected: 2, seeds: 1, known: 9 },
  webSeeds: { active: 1, usable: 1, total: 2 },
  waitingFor: null,
}
const changed = (changes: Partial<ProgressSnapshot>): ProgressSnapshot => ({ ...downloading, ...changes })

/** A terminal: what stands on it after all that was written. Only what the view uses is understood. */
class Terminal {
  columns: number
  lines: string[] = [""]
  #row = 0
  /** Rows that go on in the next, because they were full. */
  #full = new Set<number>()

  constructor(columns: number) {
    this.columns = columns
  }

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the start of a control sequence is one
    for (const part of text.split(/(\x1b\[\d*[A-Z]|\n)/)) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the start of a control sequence is one
      const up = /^\x1b\[(\d+)A$/.exec(part)
      if (up !== null) this.#row = Math.max(0, this.#row - Number(up[1]))
      else if (part === "\x1b[J") this.#erase()
      else if (part === "\n") this.lines[++this.#row] ??= ""
      else this.#print([...stripVTControlCharacters(part)])
    }
  }

  /** Lines that are too long now go on in the next, and what went on before is joined. */
  resize(columns: number): void {
    const text = this.lines.map((line, row) => (this.#full.has(row) ? line : `${line}\n`)).join("")
    this.columns = columns
    this.#row = 0
    this.#erase()
    this.write(text.slice(0, -1))
  }

  /** A line that is too long goes on in the next. */
  #print(characters: readonly string[]): void {
    for (const character of characters) {
      if (widthOf(this.lines[this.#row]!) + widthOf(character) > this.columns) {
        this.#full.add(this.#row)
        this.lines[++this.#row] = ""
      }
      this.lines[this.#row] += character
    }
  }

  #erase(): void {
    this.lines = [...this.lines.slice(0, this.#row), ""]
    this.#full = new Set([...this.#full].filter((row) => row < this.#row))
  }
}

/** Letters of these scripts, and pictures, take two columns. */
const WIDE = /\p{Script=Han}|\p{Script=Hangul}|\p{Script=Katakana}|\p{Script=Tangut}|\p{Emoji_Presentation}/u
/** But these take one: vowels and finals of Hangul, which join what is before them, and letters made narrow (UAX #11). */
const NARROW = /[\u1160-\u11ff\ud7b0-\ud7ff\uff61-\uffdc]/

function widthOf(text: string): number {
  let width = 0
  for (const character of text) width += WIDE.test(character) && !NARROW.test(character) ? 2 : 1
  return width
}

describe("the live view", () => {
  it("shows how much, how fast, how long, from whom", () => {
    const terminal = new Terminal(120)
    new LiveView(terminal).show(downloading)
    const shown = terminal.lines.join("\n")
    for (const part of ["25.0 %", "vega-datasets", "10.0 MiB of 40.0 MiB", "5.0 MiB/s", "6 s left", "pieces 40/160"]) {
      expect(shown).toContain(part)
    }
    expect(shown).toContain("from 2 peers 7.0 MiB, from 1 web seed 3.0 MiB")
    expect(shown).not.toMatch(/waiting|given/)
  })

  it.each([0, undefined])("takes a terminal of %s columns for one of 80", (columns) => {
    let shown = ""
    new LiveView({ write: (text) => (shown += text), columns }).show(changed({ name: "x".repeat(200) }))
    const widths = stripVTControlCharacters(shown)
      .split("\n")
      .map((line) => line.length)
    expect(Math.max(...widths)).toBe(79)
  })

  it("says why it waits, and what was given", () => {
    const terminal = new Terminal(120)
    new LiveView(terminal).show(changed({ waitingFor: "no source is known", eta: null, uploaded: 2 * MiB }))
    expect(terminal.lines.join("\n")).toMatch(/uploaded 2\.0 MiB[\s\S]*waiting: no source is known/)
    expect(terminal.lines.join("\n")).not.toContain("left")
  })

  it("says the whole reason in lines of the terminal's width", () => {
    const waitingFor =
      "web seed https://data.example.org/archive/ is not used: HTTP status 403, https://mirror.example.net/ is tried again " +
      "in 12 s: HTTP status 503; no tracker answers (timed out)"
    for (const columns of [60, 80, 100]) {
      const terminal = new Terminal(columns)
      new LiveView(terminal).show(changed({ waitingFor, eta: null }))
      const shown = terminal.lines.slice(3, -1)
      expect(shown.length).toBeLessThanOrEqual(4)
      expect(shown.map((line) => line.trim()).join(" ")).toBe(`waiting: ${waitingFor}`)
      for (const line of shown) expect(line).toMatch(/^ {7}\S/)
    }
  })

  it("says by an ellipsis where something was cut: the fourth line of a reason, or a name", () => {
    const terminal = new Terminal(40)
    const url = `https://data.example.org/${"x".repeat(200)}`
    new LiveView(terminal).show(changed({ name: "y".repeat(50), waitingFor: `web seed ${url} has not answered` }))
    expect(terminal.lines[0]).toMatch(/yyy…$/)
    const reason = terminal.lines.slice(3, -1)
    expect(reason).toHaveLength(4)
    expect(reason.map((line) => line.endsWith("…"))).toEqual([false, false, false, true])
    for (const line of terminal.lines) expect(widthOf(line)).toBeLessThan(40)
  })

  it("has a view of checking and one of giving", () => {
    const terminal = new Terminal(120)
    const view = new LiveView(terminal)
    view.show(changed({ state: "checking" }))
    expect(terminal.lines.join("\n")).toContain("checking what is on disk: 10.0 MiB of 40.0 MiB")
    view.show(changed({ state: "seeding", uploadRate: MiB, uploaded: 3 * MiB }))
    expect(terminal.lines.join("\n")).toMatch(/sharing vega-datasets\n.*1\.0 MiB\/s to 2 peers, 3\.0 MiB uploaded/)
  })

  it.each(["数", "カ", "📈", "ꥠ", "𗀀"])("cuts a name of wide letters before the line is full: %s", (letter) => {
    const terminal = new Terminal(80)
    new LiveView(terminal).show(changed({ name: letter.repeat(60) }))
    expect(terminal.lines).toHaveLength(4)
    expect(widthOf(terminal.lines[0]!)).toBeLessThan(80)
  })

  it("redraws itself in place, whatever follows what, at any width, and leaves nothing when it is cleared", () => {
    const snapshot = fc.record({
      name: fc.oneof(
        fc.string({ maxLength: 60 }),
        anyText({ maxLength: 60 }),
        fc.constant("数据集".repeat(20)),
        fc.constant("📈".repeat(40)),
      ),
      state: fc.constantFrom("metadata", "checking", "downloading", "seeding", "complete") as fc.Arbitrary<
        ProgressSnapshot["state"]
      >,
      doneBytes: fc.nat(40 * MiB),
      waitingFor: fc.option(fc.string({ maxLength: 300 })),
    })
    fc.assert(
      fc.property(
        fc.integer({ min: 7, max: 200 }),
        fc.array(snapshot, { minLength: 1, maxLength: 6 }),
        (columns, all) => {
          const terminal = new Terminal(columns)
          terminal.write("before\n")
          const view = new LiveView(terminal)
          for (const changes of all) {
            view.show(changed(changes))
            expect(terminal.lines[0]).toBe("before")
            expect(terminal.lines.length).toBeLessThanOrEqual(9)
          }
          view.clear()
          expect(terminal.lines).toEqual(["before", ""])
          terminal.write("after\n")
          view.show(downloading)
          expect(terminal.lines.slice(0, 2)).toEqual(["before", "after"])
        },
      ),
      { numRuns: 300 },
    )
  })

  it("erases just what it drew, also when the terminal has become narrower or wider since", () => {
    const name = fc.constantFrom("vega-datasets", "x".repeat(150), "数据集".repeat(20), "📈".repeat(40))
    const waitingFor = fc.option(fc.constantFrom("asking the trackers", "no source is known; ".repeat(20)))
    const shown = fc.record({ name, waitingFor, columns: fc.integer({ min: 2, max: 200 }) })
    fc.assert(
      fc.property(fc.array(shown, { minLength: 1, maxLength: 6 }), fc.integer({ min: 2, max: 200 }), (all, last) => {
        const terminal = new Terminal(80)
        terminal.write("a\nb\n")
        const view = new LiveView(terminal)
        for (const { columns, ...changes } of all) {
          terminal.resize(columns)
          view.show(changed(changes))
          expect(terminal.lines.slice(0, 2)).toEqual(["a", "b"])
        }
        terminal.resize(last)
        view.clear()
        expect(terminal.lines).toEqual(["a", "b", ""])
      }),
      { numRuns: 300 },
    )
  })

  it("lets no control character of a stranger through", () => {
    let written = ""
    const view = new LiveView({
      columns: 120,
      write: (text) => {
        written += text
      },
    })
    view.show(changed({ name: "evil\x1b[2J\r\nname", waitingFor: "\x1b]0;title\x07" }))
    expect(written).not.toContain("\x1b[2J")
    expect(written).not.toContain("\r")
    expect(written).not.toContain("\x07")
    expect(written).not.toContain("\x1b]")
  })
})

describe("the view for logs", () => {
  it("writes a line every ten seconds, the first after ten", () => {
    let now = 5000
    const written: string[] = []
    const view = new LineView({ columns: undefined, write: (text) => void written.push(text) }, () => now)
    for (; now < 5000 + 35_000; now += 250) view.show(downloading)
    expect(written).toHaveLength(3)
    expect(written.every((text) => text.endsWith("\n") && text.indexOf("\n") === text.length - 1)).toBe(true)
    view.clear()
    expect(written).toHaveLength(3)
  })

  it("says all in one line without colour", () => {
    expect(progressLine(downloading)).toBe(
      "vega-datasets: 25.0 % of 40.0 MiB, 5.0 MiB/s, peers 7.0 MiB (2), web seeds 3.0 MiB (1), pieces 40/160, 6 s left",
    )
    expect(progressLine(changed({ eta: null, waitingFor: "asking the trackers" }))).toMatch(
      /, waiting: asking the trackers$/,
    )
    const metadata = changed({ state: "metadata", donePieces: 1, totalPieces: 3 })
    expect(progressLine(metadata)).toBe("vega-datasets: fetching the metadata from 2 peers, 1 of 3 pieces")
    expect(progressLine(changed({ state: "metadata", totalPieces: 0, waitingFor: "no peer is known" }))).toBe(
      "vega-datasets: fetching the metadata from 2 peers, waiting: no peer is known",
    )
    const nobody = { connected: 0, seeds: 0, known: 0 }
    expect(
      progressLine(
        changed({ state: "metadata", totalPieces: 0, peers: nobody, waitingFor: "an answer from site.example" }),
      ),
    ).toBe("vega-datasets: fetching the metadata, waiting: an answer from site.example")
    expect(progressLine(changed({ state: "checking" }))).toBe(
      "vega-datasets: checking what is on disk, 25.0 % of 40.0 MiB",
    )
    const waitingFor = "process 7 on node17 is using it"
    expect(progressLine(changed({ state: "checking", waitingFor }))).toBe(
      "vega-datasets: waiting: process 7 on node17 is using it",
    )
    expect(progressLine(changed({ state: "seeding", uploadRate: MiB, uploaded: MiB }))).toBe(
      "vega-datasets: sharing, 1.0 MiB/s to 2 peers, 1.0 MiB uploaded",
    )
    const alone = { uploadRate: 0, peers: nobody, waitingFor: "no tracker answers (not authorized)" }
    expect(progressLine(changed({ state: "seeding", ...alone }))).toBe(
      "vega-datasets: sharing, 0 B/s to 0 peers, 0 B uploaded, waiting: no tracker answers (not authorized)",
    )
    expect(progressLine(changed({ name: "a\nb\x1b[2J" }))).toMatch(/^a\\u\{a\}b\\u\{1b\}\[2J: /)
  })
})

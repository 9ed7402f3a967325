/** Characters that take two columns: East Asian ones and pictures (UAX #11, in whole blocks; one too many does no harm). */
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe1f\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1d300}-\u{1d37f}\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u

// biome-ignore lint/suspicious/noControlCharactersInRegex: the start of a colour code is one
const COLOUR = /(\x1b\[[0-9;]*m)/

/** The rows that a line takes on a terminal of so many columns: where it is too long it goes on in the next. */
export function rowsOf(line: string, columns: number): number {
  let rows = 1
  let used = 0
  for (const part of line.split(COLOUR)) {
    if (COLOUR.test(part)) continue
    for (const character of part) {
      used += columnsOf(character)
      if (used <= columns) continue
      rows++
      used = columnsOf(character)
    }
  }
  return rows
}

/** Cuts a line that has more than so many columns, and puts an ellipsis where it was cut. Colour codes stay whole. */
export function clip(line: string, columns: number): string {
  if (rowsOf(line, columns) === 1) return line
  // The last column is the ellipsis's.
  let room = columns - 1
  let out = ""
  for (const part of line.split(COLOUR)) {
    if (COLOUR.test(part)) {
      out += part
      continue
    }
    for (const character of part) {
      if (room < 0) break
      room -= columnsOf(character)
      out += room < 0 ? "…" : character
    }
  }
  return out
}

/** Breaks a text into lines of so many columns, between words where that can be; `most`: lines, of which the last is cut. */
export function wrap(text: string, columns: number, most: number): string[] {
  const lines: string[] = []
  let rest = text
  while (lines.length < most - 1 && rowsOf(rest, columns) > 1) {
    const end = lengthWithin(rest, columns)
    const space = rest.lastIndexOf(" ", end)
    const line = rest.slice(0, space > 0 ? space : end)
    lines.push(line)
    rest = rest.slice(line.length).trimStart()
  }
  return [...lines, clip(rest, columns)]
}

/** The length of the longest beginning of a text that fits into so many columns; a character at least. */
function lengthWithin(text: string, columns: number): number {
  let used = 0
  let length = 0
  for (const character of text) {
    used += columnsOf(character)
    if (used > columns && length > 0) break
    length += character.length
  }
  return length
}

function columnsOf(character: string): number {
  return WIDE.test(character) ? 2 : 1
}

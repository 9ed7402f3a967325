import { decodeUtf8Lenient, encodeUtf8 } from "../bytes/text.js"

/**
 * Bytes of UTF-8 in one path element. File systems take 255; an unfinished file is stored under its name with
 * {@link PART_SUFFIX}, which must fit as well.
 */
const MAX_ELEMENT_LENGTH = 250

/** What an unfinished file's name ends in. */
export const PART_SUFFIX = ".part"

/** The program's own folder, at the top of every datastore: what it knows about each dataset in it. */
export const STATE_FOLDER = ".academictorrents"

/** An extension of up to this many characters, dot included, stays when a name is cut. */
const MAX_EXTENSION = 17

/**
 * What no element contains: separators and the characters Windows refuses; controls; what reorders a line of text, breaks
 * it, or can't be seen in it; U+FFFD, which stands for bytes that are not UTF-8.
 */
const UNSAFE_CHARACTERS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
  /[/\\<>:"|?*\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffd\u{e0000}-\u{e007f}]/gu

/** Devices on Windows, with any extension (the superscript digits count as digits there). */
const RESERVED = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(?:\.|$)/i

/** Safe as it is, unless it is too long or {@link RESERVED}: printable ASCII without what is refused anywhere. */
const SAFE_ASCII = /^[ !#-)+-.0-9;=@-[\]-{}~]*[!#-)+,\-0-9;=@-[\]-{}~]$/

/**
 * A name from a stranger as one path element that every common file system takes and no terminal stumbles over.
 * Never refuses: what is unsafe becomes `_`. An element that is safe already comes back as it is.
 */
export function safeElement(raw: Uint8Array): string {
  const written = decodeUtf8Lenient(raw)
  // Nearly all names; a torrent may have hundreds of thousands.
  if (written.length <= MAX_ELEMENT_LENGTH && SAFE_ASCII.test(written) && !RESERVED.test(written)) return written
  const text = written.replace(UNSAFE_CHARACTERS, "_")
  const named = fixEnd(text === "" ? "_" : text)
  const short = shortened(named)
  // Judged when it is short: what made it more than a device's name may have been cut off.
  return RESERVED.test(short) ? shortened(`_${named}`) : short
}

/** The element with `~number` before its extension, cut to fit: for telling apart what would be one file. */
export function numbered(element: string, number: number): string {
  const { stem, extension } = numberable(element)
  return `${stem}~${number}${extension}`
}

/** Elements with the same base get the same names from {@link numbered}. */
export function numberedBase(element: string): string {
  const { stem, extension } = numberable(element)
  return foldCase(stem + extension)
}

/** Printable ASCII: what nearly all names are. */
const PLAIN = /^[ -~]*$/

/**
 * Two elements with the same folded form may be one file somewhere: file systems ignore case (Windows, macOS), the
 * difference of composed and decomposed letters (macOS), and characters that can't be seen (HFS+).
 */
export function foldCase(element: string): string {
  if (PLAIN.test(element)) return element.toUpperCase()
  const visible = element.replace(/\p{Default_Ignorable_Code_Point}/gu, "")
  return visible.normalize("NFD").toLowerCase().toUpperCase().normalize("NFD")
}

/** True for names that reach the state folder somewhere, its short name on Windows among them. */
export function isStateFolder(element: string): boolean {
  return foldCase(element) === foldCase(STATE_FOLDER) || /^academ~\d+$/i.test(element)
}

/** Characters kept for `~` and a number of up to seven digits. */
const NUMBER_ROOM = 8

function numberable(element: string): { stem: string; extension: string } {
  const { stem, extension } = splitExtension(element)
  return { stem: cut(stem, MAX_ELEMENT_LENGTH - extension.length - NUMBER_ROOM), extension }
}

/** Only ASCII counts as an extension, so that its length is the same in bytes. */
function splitExtension(element: string): { stem: string; extension: string } {
  const dot = element.lastIndexOf(".")
  const extension = dot > 0 ? element.slice(dot) : ""
  if (extension.length > MAX_EXTENSION || !/^\.[!-~]+$/.test(extension)) return { stem: element, extension: "" }
  return { stem: element.slice(0, dot), extension }
}

/** Cut to the longest that is taken, with its extension. */
function shortened(element: string): string {
  const { stem, extension } = splitExtension(element)
  return fixEnd(cut(stem, MAX_ELEMENT_LENGTH - extension.length) + extension)
}

/** Windows drops dots and spaces at an end; `.` and `..` are such names too. A loop, since `/[. ]+$/` takes quadratic time. */
function fixEnd(element: string): string {
  let end = element.length
  while (end > 0 && (element[end - 1] === "." || element[end - 1] === " ")) end--
  return element.slice(0, end).padEnd(element.length, "_")
}

/** The longest start of whole characters that fits into `limit` bytes of UTF-8. */
function cut(text: string, limit: number): string {
  if (text.length * 3 <= limit) return text
  const bytes = encodeUtf8(text)
  if (bytes.length <= limit) return text
  let end = limit
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--
  return decodeUtf8Lenient(bytes.subarray(0, end))
}

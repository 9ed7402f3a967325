const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const lenientDecoder = new TextDecoder("utf-8", { ignoreBOM: true })
const encoder = new TextEncoder()

/** Arguments of one call are kept far below every engine's limit. */
const CHARACTERS_PER_CALL = 8192

/** The text that UTF-8 bytes stand for; undefined when they are not UTF-8. A byte order mark is kept. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** The same, with U+FFFD in the place of what is not UTF-8. */
export function decodeUtf8Lenient(bytes: Uint8Array): string {
  return lenientDecoder.decode(bytes)
}

/** A text as UTF-8; lone surrogates become U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** Bytes as a text of equally many characters, U+0000 to U+00FF: distinct bytes stay distinct, which UTF-8 can't promise. */
export function toLatin1(bytes: Uint8Array): string {
  let text = ""
  for (let at = 0; at < bytes.length; at += CHARACTERS_PER_CALL) {
    // Any array-like will do, whatever the type says; spreading would go through an iterator, at ten times the time.
    const part = bytes.subarray(at, at + CHARACTERS_PER_CALL) as unknown as number[]
    text += String.fromCharCode.apply(undefined, part)
  }
  return text
}

/** The bytes of a text of characters up to U+00FF; undefined when it has others. */
export function fromLatin1(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0xff) return undefined
    bytes[i] = code
  }
  return bytes
}

/**
 * What must not reach a terminal as it is: C0 and C1 controls with DEL, the controls that reorder text (bidi marks,
 * embeddings, overrides, isolates), line and paragraph separators, invisible tag characters, and lone surrogates.
 */
const UNSAFE_ON_TERMINAL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]|\p{Surrogate}/gu

/** A stranger's text, made harmless to print on one line: what could steer a terminal or mislead the eye becomes `\u{hex}`. */
export function escapeForTerminal(text: string): string {
  return text.replace(UNSAFE_ON_TERMINAL, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}

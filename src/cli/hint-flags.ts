/** What users of the command write for the library's options, where that is not `--` and the name. */
const FLAGS: Readonly<Record<string, string>> = { datastore: "datastore (-o)", peers: "--peer", urls: "--url" }

/** A hint of the library names options in backquotes: the flags that stand for them. */
export function withFlags(hint: string): string {
  return hint.replaceAll(/`([a-zA-Z]+)`/g, (_, option: string) => FLAGS[option] ?? `--${toKebab(option)}`)
}

function toKebab(option: string): string {
  return option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** What users of the command write for what the library has, where that is not `--` and the name of an option. */
const FLAGS: Readonly<Record<string, string>> = {
  datastore: "datastore (-o)",
  peers: "--peer",
  urls: "--url",
  "dataset.files": "academictorrents info TARGET --files",
}

/** A hint of the library names options and properties in backquotes: the words of the command line that stand for them. */
export function withFlags(hint: string): string {
  return hint.replaceAll(/`([a-zA-Z.]+)`/g, (_, option: string) => FLAGS[option] ?? `--${toKebab(option)}`)
}

function toKebab(option: string): string {
  return option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

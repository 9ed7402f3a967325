import { must } from "./expect.js"

/** Bytes of UTF-8 in one element, so that `.part` still fits into what file systems take. */
const MAX_ELEMENT = 250
const DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i
const UNSAFE = /[\\<>:"|?*\p{Cc}\u202a-\u202e\u2066-\u2069]/u

/** What file systems take for the same: written for the oracle alone, so that it does not share the code's faults. */
function folded(path: string): string {
  const visible = path.replace(/[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]/g, "")
  return visible.normalize("NFD").toLowerCase().normalize("NFD")
}

/** Paths that harm nobody: they stay below the folder, and no two of them meet on any file system. */
export function mustBeSafe(paths: readonly string[]): void {
  const taken = new Map<string, string>()
  const folders = new Set<string>()
  for (const path of paths) {
    const elements = path.split("/")
    for (const element of elements) {
      must(element !== "" && element !== "." && element !== "..", `${path} leaves its folder`)
      must(!UNSAFE.test(element), `${JSON.stringify(path)} has characters that are not safe`)
      must(!DEVICE.test(element), `${path} is a device`)
      must(!/[. ]$/.test(element), `${path} ends in what Windows drops`)
      must(Buffer.byteLength(element) <= MAX_ELEMENT, `${path} has an element that is too long`)
    }
    const place = folded(path)
    must(!taken.has(place), `${path} is ${taken.get(place)} somewhere`)
    taken.set(place, path)
    for (let end = place.indexOf("/"); end >= 0; end = place.indexOf("/", end + 1)) folders.add(place.slice(0, end))
  }
  for (const [place, path] of taken) {
    must(!folders.has(place), `${path} is a file and a folder`)
    const unfinished = `${place}.part`
    must(!taken.has(unfinished) && !folders.has(unfinished), `the unfinished ${path} is another's`)
  }
}

/** The name of a dataset, which stands beside the program's own folder. */
export function mustBeSafeName(name: string): void {
  mustBeSafe([name])
  must(folded(name) !== ".academictorrents", `${name} is the program's own folder`)
}

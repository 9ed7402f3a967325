import type { Entry } from "./site.js"

/** `database.xml` and `rss.xml`: the namespace is declared, the fields carry no prefix. */
export function catalogue(entries: readonly Entry[], site: string): string {
  const items = entries.map(
    ({ torrent, category, description }) => `<item>
<title>${xml(torrent.name)}</title>
<category>${category}</category>
<infohash>${torrent.infoHash}</infohash>
<guid>${site}/details/${torrent.infoHash}</guid>
<link>${site}/details/${torrent.infoHash}</link>
${description === "" ? "<description/>" : `<description>${xml(description)}</description>`}
<size>${torrent.length}</size>
</item>`,
  )
  return `<?xml version="1.0" encoding="UTF-8"?>
<rss xmlns:academictorrents="http://academictorrents.com" version="2.0">
<channel>
<title>Academic Torrents</title><description>All Torrents</description><link>${site}/</link>
${items.join("\n")}
</channel>
</rss>
`
}

/** Not strict JSON: line breaks and tabs stand inside the strings as they are. */
export function entryJson(entry: Entry): string {
  const { torrent, authors, description } = entry
  const year = new Date(entry.added * 1000).getUTCFullYear()
  const bibtex = `@article{,
title={${torrent.name}},
journal={},
author={${authors}},
year={${year}},
url={},
abstract={${description}},
keywords={},
terms={}
}`
  const fields: Record<string, string | number> = {
    name: torrent.name,
    infohash: torrent.infoHash,
    size: torrent.length,
    category: entry.category,
    bibtex,
  }
  return JSON.stringify(fields).replaceAll("\\n", "\n").replaceAll("\\t", "\t")
}

/** `/collection/NAME.csv`: times are seconds since 1970, names are quoted. */
export function collectionCsv(entries: readonly Entry[]): string {
  const rows = entries.map((entry) =>
    [
      entry.category,
      csv(entry.torrent.name),
      entry.torrent.infoHash,
      entry.torrent.length,
      entry.mirrors,
      entry.downloaders,
      entry.timesCompleted,
      entry.added,
      entry.added,
    ].join(","),
  )
  const head = "TYPE,NAME,INFOHASH,SIZEBYTES,MIRRORS,DOWNLOADERS,TIMESCOMPLETED,DATEADDED,DATEMODIFIED"
  return `${[head, ...rows].join("\n")}\n`
}

/** `/collections.php?format=.csv` */
export function collectionsCsv(entries: readonly Entry[]): string {
  const totals = new Map<string, { count: number; size: number }>()
  for (const { collections, torrent } of entries) {
    for (const name of collections) {
      const { count, size } = totals.get(name) ?? { count: 0, size: 0 }
      totals.set(name, { count: count + 1, size: size + torrent.length })
    }
  }
  const rows = [...totals].map(([name, { count, size }]) => [csv(name), csv(name), count, size].join(","))
  return `${["NAME,URLNAME,TORRENTCOUNT,TOTALSIZE", ...rows].join("\n")}\n`
}

export function detailsPage({ torrent, mirrors, downloaders, description, added }: Entry): string {
  return `<!doctype html>
<html><head><title>${xml(torrent.name)} - Academic Torrents</title></head><body>
<h1>${xml(torrent.name)}</h1>
<p>${xml(description)}</p>
<a href="/download/${torrent.infoHash}.torrent">Download</a>
<table><tr><td> Mirrors </td><td>
${mirrors} complete, ${downloaders} downloading </td></tr>
<tr><td>Added</td><td>${new Date(added * 1000).toISOString()}</td></tr></table>
</body></html>
`
}

export function notFoundPage(): string {
  return "<!doctype html>\n<html><body><h1>Error</h1><p>No torrent exists with that ID</p></body></html>\n"
}

function xml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")
}

function csv(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}

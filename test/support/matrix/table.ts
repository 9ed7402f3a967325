/** What is transferred: see `samples.ts`. */
export type SampleName = "v1" | "many names" | "large pieces" | "v2" | "hybrid"

/** What is special about the transfers of a column. */
export interface Column {
  /** `v1` when absent. */
  readonly sample?: SampleName
  /** For the client's job. */
  readonly theirs?: { readonly encryption?: "required"; readonly utp?: true }
  /** Our options. */
  readonly ours?: readonly string[]
  /** Nothing but UDP passes between the two. */
  readonly udpAlone?: true
  /** Whoever downloads has a magnet link with the v1 infohash alone, or with that of v2. */
  readonly magnet?: true | "v2"
  /** Whoever downloads has half of it already. */
  readonly resumed?: true
  /** Nobody is told of the other: both have only the way into a DHT of 20 nodes of ours. */
  readonly dht?: true
  /** Nobody is told of the other: both have local discovery, and nothing else. */
  readonly lsd?: true
  /** Who has the data is named by somebody in between, who has none. */
  readonly pex?: true
  /** Our log must say this. */
  readonly said?: RegExp
}

const TCP = "--no-utp"

export const COLUMNS = {
  plain: { ours: [TCP] },
  encrypted: {
    theirs: { encryption: "required" },
    ours: [TCP, "--encryption", "require"],
    said: /connected, encrypted/,
  },
  uTP: { theirs: { utp: true }, udpAlone: true },
  magnet: { ours: [TCP], magnet: true, sample: "many names" },
  resumed: { ours: [TCP], resumed: true },
  v2: { ours: [TCP], sample: "v2" },
  hybrid: { ours: [TCP], sample: "hybrid" },
  "v2 magnet": { ours: [TCP], magnet: "v2", sample: "v2" },
  "hybrid magnet": { ours: [TCP], magnet: "v2", sample: "hybrid" },
  "DHT alone": { ours: [TCP], magnet: true, sample: "many names", dht: true },
  "PEX alone": { ours: [TCP], pex: true, sample: "large pieces" },
  "LSD alone": { ours: [TCP], lsd: true },
} as const satisfies Record<string, Column>

export type ColumnName = keyof typeof COLUMNS

/** `get`: we download from the client; `give`: it downloads from us. */
export const DIRECTIONS = ["get", "give"] as const
export type Direction = (typeof DIRECTIONS)[number]

/** Why there is no test, in both directions or in one. */
type Reason = string | Partial<Record<Direction, string>>

const NO_UTP = "speaks TCP alone"
const NO_LSD = "knows no local discovery"
const NO_V2 = "knows no v2"
const NO_BTMH = { "v2 magnet": NO_V2, "hybrid magnet": NO_V2 }
const BTIH_ALONE = "takes magnet links with a v1 infohash alone"
const NO_HYBRID = "stumbles over the file tree of any hybrid"

/** The clients, and what they can't do. */
export const ROWS = {
  transmission: { v2: NO_V2, hybrid: NO_HYBRID, ...NO_BTMH },
  aria2: {
    uTP: NO_UTP,
    v2: NO_V2,
    hybrid: NO_HYBRID,
    ...NO_BTMH,
    "LSD alone": { get: "once it has all it connects to nobody, and announces itself every five minutes" },
  },
  rtorrent: { uTP: NO_UTP, "LSD alone": NO_LSD, v2: NO_V2, ...NO_BTMH },
  libtorrent: {},
  "qbittorrent-nox": {},
  deluge: { "v2 magnet": { give: BTIH_ALONE }, "hybrid magnet": { give: BTIH_ALONE } },
  webtorrent: {
    encrypted: "its encryption throws a TypeError in each handshake",
    v2: NO_V2,
    ...NO_BTMH,
    "PEX alone": { get: "listens to peer exchange, and names nobody itself" },
  },
} as const satisfies Record<string, Partial<Record<ColumnName, Reason>>>

export type RowName = keyof typeof ROWS

export const ROW_NAMES = Object.keys(ROWS) as RowName[]
export const COLUMN_NAMES = Object.keys(COLUMNS) as ColumnName[]

/** Where a test stands in the table. */
export interface Cell {
  readonly row: RowName
  readonly column: ColumnName
  readonly direction: Direction
}

/** Why there is no test in a cell, or undefined. */
export function whyNot({ row, column, direction }: Cell): string | undefined {
  const reasons: Partial<Record<ColumnName, Reason>> = ROWS[row]
  const reason = reasons[column]
  return typeof reason === "object" ? reason[direction] : reason
}

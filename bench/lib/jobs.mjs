import { again } from "./kinds/again.mjs"
import { create } from "./kinds/create.mjs"
import { get } from "./kinds/get.mjs"
import { give } from "./kinds/give.mjs"
import { swarm } from "./kinds/swarm.mjs"
import { verify } from "./kinds/verify.mjs"

const KiB = 2 ** 10
const MiB = 2 ** 20
const GiB = 2 ** 30

const GIB = { bytes: GiB, pieceLength: MiB }
const MANY_PIECES = { bytes: 4 * GiB, pieceLength: 16 * KiB }
const MANY_FILES = { files: 20_000, pieceLength: 256 * KiB }
const TINY = { bytes: MiB, pieceLength: 256 * KiB }
const LONG = { bytes: 256 * MiB, pieceLength: MiB }
/** 200 Mbit/s; 80 ms there and back. */
const LINK = { rate: 200e6, delay: 0.04 }
const SEEDER_LIMIT = 50e6

/**
 * @typedef {object} Job
 * @property {string} title
 * @property {object} kind
 * @property {{bytes?: number, files?: number, pieceLength: number}} size of the data
 * @property {"receive" | "hash" | "start"} [limit] the machine's own limit, by a bare program
 * @property {(bytes: number) => number} [ideal] seconds by arithmetic, where the limit is not the machine's
 * @property {number} [seeders] @property {boolean} [web] @property {object} [link] for downloads
 * @property {{best?: number, limit?: number, ideal?: number, seconds?: number, cpu?: number, mb: number}} target for
 *   ours: seconds as a multiple of the best other client's, the limit's, the ideal, or as they are; CPU seconds as a
 *   multiple of libtorrent's; peak resident memory in MB (10^6 bytes)
 */

/** @type {Record<string, Job>} */
export const JOBS = {
  p1: download("1 GiB, one seeder", GIB, { seeders: 1, limit: "receive" }, { best: 0.7, cpu: 1 }),
  p2: download("1 GiB from nginx", GIB, { web: true, limit: "receive" }, { best: 0.85, cpu: 1 }),
  p3: download("1 GiB, three seeders and nginx", GIB, { seeders: 3, web: true, limit: "receive" }, { best: 0.75 }),
  p4: { title: "verify 1 GiB", kind: verify, size: GIB, limit: "hash", target: { best: 0.9, mb: 160 } },
  p5: download(
    "4 GiB in pieces of 16 KiB, one seeder",
    MANY_PIECES,
    { seeders: 1, limit: "receive" },
    { best: 0.5, mb: 300 },
  ),
  p5w: download(
    "4 GiB in pieces of 16 KiB from nginx",
    MANY_PIECES,
    { web: true, limit: "receive" },
    { best: 0.9, mb: 300 },
  ),
  p6: download("20,000 small files, one seeder", MANY_FILES, { seeders: 1 }, { best: 1, mb: 300 }),
  p6w: download("20,000 small files from nginx", MANY_FILES, { web: true }, { best: 1, mb: 300 }),
  p7: download("1 MiB, one seeder", TINY, { seeders: 1, limit: "start" }, { best: 1 }),
  p7w: download("1 MiB from nginx", TINY, { web: true, limit: "start" }, { best: 1 }),
  p8: download(
    "256 MiB over 80 ms and 200 Mbit/s, one seeder",
    LONG,
    { seeders: 1, link: LINK, limit: "receive" },
    { limit: 1.06 },
  ),
  p8w: download(
    "256 MiB over 80 ms and 200 Mbit/s from nginx",
    LONG,
    { web: true, link: LINK, limit: "receive" },
    { limit: 1.04 },
  ),
  p9: {
    title: "512 MiB, four downloaders, one seeder with 50 MB/s",
    kind: swarm,
    size: { bytes: 512 * MiB, pieceLength: MiB },
    downloaders: 4,
    uploadLimit: SEEDER_LIMIT,
    ideal: (bytes) => bytes / SEEDER_LIMIT,
    target: { ideal: 1.15, mb: 160 },
  },
  p10: { title: "seed 1 GiB to libtorrent", kind: give, size: GIB, target: { best: 1.1, mb: 160 } },
  p11: {
    title: "create of 4 GiB",
    kind: create,
    size: { bytes: 4 * GiB, pieceLength: MiB },
    limit: "hash",
    target: { limit: 1.1, mb: 160 },
  },
  p12: {
    title: "get of what is there, 20,000 files",
    kind: again,
    size: MANY_FILES,
    target: { seconds: 0.3, mb: 300 },
  },
}

function download(title, size, sources, target) {
  return { title, kind: get, size, seeders: 0, web: false, ...sources, target: { mb: 160, ...target } }
}

/** Less of the same data, for a quick look. */
export function scaled({ bytes, files, pieceLength }, scale) {
  const less = (value, least) => (value === undefined ? undefined : Math.max(least, Math.round(value * scale)))
  return { bytes: less(bytes, pieceLength), files: less(files, 100), pieceLength }
}

import { again } from "./kinds/again.mjs"
import { create } from "./kinds/create.mjs"
import { get } from "./kinds/get.mjs"
import { give } from "./kinds/give.mjs"
import { idealSeconds, rough } from "./kinds/rough.mjs"
import { swarm } from "./kinds/swarm.mjs"
import { verify } from "./kinds/verify.mjs"

const KiB = 2 ** 10
const MiB = 2 ** 20
const GiB = 2 ** 30

const GIB = { bytes: GiB, pieceLength: MiB }
const MANY_PIECES = { bytes: 4 * GiB, pieceLength: 16 * KiB }
const MANY_FILES = { files: 20_000, pieceLength: 256 * KiB }
const FEWER_FILES = { files: 2_000, pieceLength: 256 * KiB }
const TINY = { bytes: MiB, pieceLength: 256 * KiB }
const LONG = { bytes: 256 * MiB, pieceLength: MiB }
/** 200 Mbit/s; 80 ms there and back. */
const LINK = { rate: 200e6, delay: 0.04 }
const SEEDER_LIMIT = 50e6
/** What one direction of gigabit Ethernet takes, in bytes a second, before headers. */
const GIGABIT = 125e6
/** A source behind a link of its own: bits a second, 10 ms there and back unless said. */
const behind = (rate, more = {}) => ({ link: { rate, delay: 0.005, ...more } })
const BROADBAND = 40e6

/**
 * @typedef {object} Job
 * @property {string} title
 * @property {object} kind
 * @property {{bytes?: number, files?: number, pieceLength: number}} size of the data
 * @property {"receive" | "peer" | "hash" | "start"} [limit] the machine's own limit, by a bare program
 * @property {(bytes: number) => number} [ideal] seconds by arithmetic, where the limit is not the machine's
 * @property {import("./kinds/rough.mjs").Source[]} [sources] each with its own faults
 * @property {number} [seeders] @property {boolean} [web] @property {object} [link] for downloads
 * @property {boolean} [tls] nginx speaks HTTPS
 * @property {boolean} [utp] the seeders refuse TCP and speak uTP
 * @property {boolean} [encrypted] all that is sent between peers goes through RC4
 * @property {number} [uploadLimit] of each seeder, in bytes a second
 * @property {{best?: number, limit?: number, ideal?: number, seconds?: number, cpu?: number, mb: number}} target for
 *   ours: seconds as a multiple of the best other client's, the limit's, the ideal, or as they are; CPU seconds as a
 *   multiple of libtorrent's; peak resident memory in MB (10^6 bytes)
 */

/** @type {Record<string, Job>} */
export const JOBS = {
  p1: download("1 GiB, one seeder", GIB, { seeders: 1, limit: "peer" }, { best: 0.7, cpu: 1 }),
  p2: download("1 GiB from nginx", GIB, { web: true, limit: "receive" }, { best: 0.85, cpu: 1 }),
  p2s: download("1 GiB from nginx by HTTPS", GIB, { web: true, tls: true }, { best: 1 }),
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
  p8f: download(
    "2,000 small files over 80 ms and 200 Mbit/s from nginx",
    FEWER_FILES,
    { web: true, link: LINK },
    { best: 1 },
  ),
  p8s: download(
    "2,000 small files over 80 ms and 200 Mbit/s from nginx by HTTPS",
    FEWER_FILES,
    { web: true, tls: true, link: LINK },
    { best: 1 },
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
  u1: download("256 MiB by uTP, one seeder", LONG, { seeders: 1, utp: true }, { best: 1 }),
  u8: download(
    "256 MiB by uTP over 80 ms and 200 Mbit/s, one seeder",
    LONG,
    { seeders: 1, link: LINK, utp: true },
    { best: 1 },
  ),
  e1: download("1 GiB, one seeder, encrypted", GIB, { seeders: 1, encrypted: true }, { best: 1 }),
  e2: download(
    "1 GiB, one seeder with 125 MB/s, encrypted",
    GIB,
    { seeders: 1, encrypted: true, uploadLimit: GIGABIT },
    { best: 1 },
  ),
  e2n: download("1 GiB, one seeder with 125 MB/s", GIB, { seeders: 1, uploadLimit: GIGABIT }, { best: 1 }),
  r1: uneven("twelve seeders of 20 KB/s and one of 5 MB/s", [
    ...Array.from({ length: 12 }, () => ({ uploadLimit: 20e3 })),
    { uploadLimit: 5e6 },
  ]),
  r2: uneven("a seeder and nginx, 40 Mbit/s each, 1 % loss", [
    behind(BROADBAND, { loss: 0.01 }),
    { web: true, ...behind(BROADBAND, { loss: 0.01 }) },
  ]),
  r2n: uneven("the same without loss", [behind(BROADBAND), { web: true, ...behind(BROADBAND) }]),
  r3: uneven("two seeders of 20 Mbit/s and nginx with 40", [
    behind(BROADBAND / 2),
    behind(BROADBAND / 2),
    { web: true, ...behind(BROADBAND) },
  ]),
  r4: uneven("a seeder of 20 Mbit/s and nginx with 40: after 2 s with 2, after 5 s with nothing, after 8 s as before", [
    behind(BROADBAND / 2),
    {
      web: true,
      ...behind(BROADBAND),
      later: [
        [2, 2e6],
        [5, 0],
        [8, BROADBAND],
      ],
    },
  ]),
  r5: uneven("two seeders of 40 Mbit/s, 50 ms and 200 ms away", [
    behind(BROADBAND, { delay: 0.025 }),
    behind(BROADBAND, { delay: 0.1 }),
  ]),
}

function uneven(title, sources) {
  const ideal = (bytes) => idealSeconds(bytes, sources)
  const size = { bytes: 64 * MiB, pieceLength: MiB }
  return { title: `64 MiB: ${title}`, kind: rough, size, sources, ideal, target: { ideal: 1.25, mb: 160 } }
}

function download(title, size, sources, target) {
  return { title, kind: get, size, seeders: 0, web: false, ...sources, target: { mb: 160, ...target } }
}

/** Less of the same data, for a quick look. */
export function scaled({ bytes, files, pieceLength }, scale) {
  const less = (value, least) => (value === undefined ? undefined : Math.max(least, Math.round(value * scale)))
  return { bytes: less(bytes, pieceLength), files: less(files, 100), pieceLength }
}

import { stat } from "node:fs/promises"
import { basename } from "node:path"
import { type Content, contentOnDisk } from "./content.js"
import { type Seeder, type SeederOptions, startSeeder } from "./seeder.js"
import { type Entry, type EntryOptions, type Site, type SiteOptions, startSite } from "./site.js"
import { type CreateOptions, createTorrent, type Torrent } from "./torrent.js"
import { startTracker, type Tracker, type TrackerOptions } from "./tracker.js"
import { startWebSeed, type WebSeed, type WebSeedOptions } from "./web-seed.js"

export interface TestbedOptions {
  site?: Omit<SiteOptions, "tracker">
  tracker?: TrackerOptions
  /** How the .torrent files name the tracker; `http` when absent, and no tracker at all with `none`. */
  announce?: "http" | "udp" | "none"
}

export interface PublishOptions {
  create?: CreateOptions
  entry?: EntryOptions
  /** One seeder each; none when absent. */
  seeders?: readonly Omit<SeederOptions, "torrent" | "content">[]
  /** Seeders are named by the tracker; false leaves them to `--peer`. */
  announced?: boolean
  /** One web seed each; none when absent. */
  webSeeds?: readonly Omit<WebSeedOptions, "mounts">[]
}

/** A dataset that can be had from the testbed. */
export interface Published {
  readonly infoHash: string
  readonly torrent: Torrent
  readonly entry: Entry
  readonly content: Content
  readonly seeders: readonly Seeder[]
  readonly webSeeds: readonly WebSeed[]
  /** As `url-list` names them. */
  readonly webSeedUrls: readonly string[]
}

/** An Academic Torrents in a box, on loopback. */
export interface Testbed {
  /** What `AT_SITE` is set to. */
  readonly url: string
  readonly site: Site
  readonly tracker: Tracker
  /** Makes a torrent of a file or folder and publishes it, with those who have it. */
  publish(path: string, options?: PublishOptions): Promise<Published>
  /** Closes everything that was started, and waits for it. */
  close(): Promise<void>
}

/** Starts a site and a tracker on free ports; datasets come with `publish`. */
export async function startTestbed(options: TestbedOptions = {}): Promise<Testbed> {
  const tracker = await startTracker(options.tracker)
  const announce = options.announce ?? "http"
  const trackerUrl = { http: tracker.httpUrl, udp: tracker.udpUrl, none: undefined }[announce]
  const site = await startSite({ ...options.site, ...(trackerUrl === undefined ? {} : { tracker: trackerUrl }) })
  const started: { close(): Promise<void> }[] = [tracker, site]
  return {
    url: site.url,
    site,
    tracker,
    async publish(path, { create, entry, seeders = [], announced = true, webSeeds = [] } = {}) {
      const torrent = await createTorrent(path, { ...create, name: create?.name ?? basename(path) })
      const content = contentOnDisk(torrent, path)
      const runningSeeders: Seeder[] = []
      for (const seeder of seeders) {
        const running = await startSeeder({ ...seeder, torrent, content })
        started.push(running)
        runningSeeders.push(running)
        if (announced) tracker.addPeer(torrent.infoHash, { host: running.host, port: running.port, seed: true })
      }
      const runningWebSeeds: WebSeed[] = []
      for (const webSeed of webSeeds) {
        const running = await startWebSeed({ ...webSeed, mounts: { [torrent.name]: path } })
        started.push(running)
        runningWebSeeds.push(running)
      }
      // BEP 19: a folder's web seed is the URL above it; a single file's is the file's own.
      const below = (await stat(path)).isFile() ? `/${encodeURIComponent(torrent.name)}` : "/"
      const webSeedUrls = runningWebSeeds.map((webSeed) => webSeed.url + below)
      const published = site.publish(torrent.bytes, {
        mirrors: seeders.length + webSeeds.length,
        ...entry,
        webSeeds: [...webSeedUrls, ...(entry?.webSeeds ?? [])],
      })
      return {
        infoHash: torrent.infoHash,
        torrent,
        entry: published,
        content,
        seeders: runningSeeders,
        webSeeds: runningWebSeeds,
        webSeedUrls,
      }
    },
    async close() {
      await Promise.all(started.splice(0).map((server) => server.close()))
    },
  }
}

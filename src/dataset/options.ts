import type { Log } from "../ports/log.js"
import type { EncryptionPolicy } from "../session/session.js"
import type { ProgressSnapshot } from "../torrent/statistics/progress.js"
import type { FileChoice } from "./selection.js"

/** Options common to all calls. */
export interface Options extends FileChoice {
  /** Directory where the dataset goes, as `datastore/NAME`. Default, and when empty: see {@link setDatastore}. */
  readonly datastore?: string | undefined
  /** The path of the dataset's file or folder itself, to give or verify it where it lies; it is only read. */
  readonly data?: string | undefined
  /** More web seeds: URLs of the file, or of the folder that holds the dataset's folder (BEP 19). */
  readonly urls?: readonly string[] | undefined
  /** More peers, as `host:port` or `[ipv6]:port`. */
  readonly peers?: readonly string[] | undefined
  /** `auto`: trust the journal where it can be trusted. `always`: check every byte on disk. Default `auto`. */
  readonly verify?: "auto" | "always" | undefined
  /** Ends the call; what was verified stays, and the same call goes on from there. */
  readonly signal?: AbortSignal | undefined
  /** Called about four times a second while something is under way. */
  readonly onProgress?: ((progress: ProgressSnapshot) => void) | undefined
  /** Bytes a second. */
  readonly maxDownload?: number | undefined
  /** Bytes a second. */
  readonly maxUpload?: number | undefined
  /**
   * Of the connections to peers (message stream encryption). `allow`: both kinds, in plain first and encrypted where that
   * fails. `prefer`: encrypted first. `require`: nothing in plain, either way. `off`: all in plain. Default `allow`.
   */
  readonly encryption?: EncryptionPolicy | undefined
  /** Connections to peers at a time, at least 1. Default: 80. See also {@link setLimits}. */
  readonly maxConnections?: number | undefined
  /** Touch no network. */
  readonly offline?: boolean | undefined
  /** Go on giving after the download, until closed or aborted. */
  readonly seed?: boolean | undefined
  /**
   * Give as the first seed (BEP 16), if all is there: show each peer one piece at a time, and the next when the one before
   * was seen at another peer. It ends by itself when another has everything. Default: false.
   */
  readonly superSeed?: boolean | undefined
  /** Listening port; 0: any free one. Default: 6881 to 6889, or any free one. */
  readonly port?: number | undefined
  /** False: connect to peers by TCP alone, not by uTP (BEP 29). */
  readonly utp?: boolean | undefined
  /**
   * Ask the router by NAT-PMP (RFC 6886), else by UPnP, to let peers in from outside: its IPv4 address, or true for the one the system shows
   * (Linux). Default: ask nobody.
   */
  readonly mapPort?: boolean | string | undefined
  /** False: ask no tracker. */
  readonly trackers?: boolean | undefined
  /** False: tell peers of no others, and ask none for others. */
  readonly pex?: boolean | undefined
  /** False: use no web seed. */
  readonly webSeeds?: boolean | undefined
  /** False: leave the DHT out. A private torrent never meets it. */
  readonly dht?: boolean | undefined
  /**
   * Whether peers are looked for in the local network (BEP 14). A private torrent never is. Default: true, unless `AT_NO_LSD`
   * is set.
   */
  readonly lsd?: boolean | undefined
  /** Where the DHT is entered, as `host:port`. Default: `AT_DHT_BOOTSTRAP`, else nodes that many clients begin with. */
  readonly dhtBootstrap?: readonly string[] | undefined
  /** Give up with `AT_STALLED` when nothing arrives for so many ms. Default: wait, and say why. */
  readonly timeout?: number | undefined
  /** Return only when all is durable on the disk. */
  readonly sync?: boolean | undefined
  /** Go on where a foreign file stands in the way, and overwrite it; cut off what stands behind the data of a file. */
  readonly overwrite?: boolean | undefined
  /** The service's base URL. Default: `AT_SITE`, else https://academictorrents.com. */
  readonly site?: string | undefined
  /** Where the engine says what happens. Default: nowhere. */
  readonly log?: Log | undefined
}

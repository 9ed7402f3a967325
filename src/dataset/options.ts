import type { Log } from "../ports/log.js"
import type { EncryptionPolicy } from "../session/session.js"
import type { ProgressSnapshot } from "../torrent/statistics/progress.js"
import type { FileChoice } from "./selection.js"

/** Options of `get` and `open`. */
export interface Options extends FileChoice {
  /** The folder that the dataset is stored in, as `datastore/NAME`. If absent or empty, the default of {@link setDatastore}. */
  readonly datastore?: string | undefined
  /**
   * The path of the dataset's file or folder itself, to share or verify it where it is. It is only read. For a dataset of one
   * file, it may also be its folder or a link to it.
   */
  readonly data?: string | undefined
  /**
   * More web seeds (BEP 19): the URL of the file or, for a dataset in a folder, of the folder that contains it. Unlike a torrent's,
   * they may have public names that lead to private addresses.
   */
  readonly urls?: readonly string[] | undefined
  /** More peers, as `host:port` or `[ipv6]:port`. */
  readonly peers?: readonly string[] | undefined
  /** `auto`: trust the journal where that is safe. `always`: check every byte on disk. Default: `auto`. */
  readonly verify?: "auto" | "always" | undefined
  /**
   * Stops the call, which then rejects with `AT_ABORTED`. Verified data stays, and the same call continues from there. A dataset
   * that `open` opened with it does nothing more: all calls on it reject, and it is to be closed.
   */
  readonly signal?: AbortSignal | undefined
  /** Called about four times a second while something is being checked, downloaded or shared. */
  readonly onProgress?: ((progress: ProgressSnapshot) => void) | undefined
  /** Bytes per second, above 0. Default: no limit. */
  readonly maxDownload?: number | undefined
  /** Bytes per second, above 0. Default: no limit. */
  readonly maxUpload?: number | undefined
  /**
   * How connections to peers are encrypted (message stream encryption). `allow`: plain first, and encrypted where that fails.
   * `prefer`: encrypted first, and plain where that fails. `require`: only encrypted. `off`: only plain. The first two accept
   * both kinds from others. Default: `allow`.
   */
  readonly encryption?: EncryptionPolicy | undefined
  /** Connections to peers at the same time: a whole number, at least 1. Default: 80. See also {@link setLimits}. */
  readonly maxConnections?: number | undefined
  /** True: do not use the network. Default: false, unless `AT_OFFLINE` is set. */
  readonly offline?: boolean | undefined
  /**
   * True: keep sharing after the download, until `close()` or until `signal` is aborted; `get` resolves only then. Where a proxy
   * is set only for HTTP and no peer is reached without it, the download is completed and then fails with `AT_INVALID_INPUT`.
   * Default: false.
   */
  readonly seed?: boolean | undefined
  /**
   * True: share as the first seed (BEP 16), if everything is on disk: show each peer one piece at a time, and the next one when
   * the piece before was seen at another peer. It ends by itself when another peer has everything. Default: false.
   */
  readonly superSeed?: boolean | undefined
  /** The port to listen at, 0 to 65535; 0: any free one. Default: one of 6881 to 6889, or any free one. */
  readonly port?: number | undefined
  /** False: connect to peers only by TCP, not by uTP (BEP 29). This also switches hole punching off. Default: true. */
  readonly utp?: boolean | undefined
  /**
   * Ask the router to let peers in from outside, by NAT-PMP (RFC 6886) or UPnP, at {@link port} or, if another machine has that
   * there, at another. True: the router that the system names (on Linux); or the router's IPv4 address. Default: false.
   */
  readonly mapPort?: boolean | string | undefined
  /** False: do not use trackers. Default: true. */
  readonly trackers?: boolean | undefined
  /** False: exchange no addresses with peers (BEP 11). This also switches hole punching off. Default: true. */
  readonly pex?: boolean | undefined
  /** False: do not use web seeds, except those of `urls`. Default: true. */
  readonly webSeeds?: boolean | undefined
  /** False: do not use the DHT. It is never used for private torrents. Default: true. */
  readonly dht?: boolean | undefined
  /**
   * False: do not look for peers in the local network (BEP 14). This is never done for private torrents. Default: true, unless
   * `AT_NO_LSD` is set.
   */
  readonly lsd?: boolean | undefined
  /** The first nodes to ask in the DHT, as `host:port`. Default: those in `AT_DHT_BOOTSTRAP`, else nodes that many clients begin with. */
  readonly dhtBootstrap?: readonly string[] | undefined
  /** Fail with `AT_STALLED` when nothing has arrived for this many milliseconds. Default: wait, and say why (`waitingFor`). */
  readonly timeout?: number | undefined
  /**
   * True: while another process is at work on the dataset, wait until what is wanted is there, or until that process is done or
   * gone, and go on then. With `timeout`, no longer than that without a sign of the other process. Default: false, which fails with
   * `AT_LOCKED` unless all that is wanted is there.
   */
  readonly wait?: boolean | undefined
  /** True: return only when everything is safely on the disk (synced). Default: false. */
  readonly sync?: boolean | undefined
  /**
   * True: replace files that are in the way and not part of the dataset, and cut off bytes that a file has beyond the
   * dataset's. Default: false, which fails with `AT_EXISTS`.
   */
  readonly overwrite?: boolean | undefined
  /** The service's base URL. Default: `AT_SITE`, else https://academictorrents.com. */
  readonly site?: string | undefined
  /** Receives messages about what happens. Default: nothing does. */
  readonly log?: Log | undefined
}

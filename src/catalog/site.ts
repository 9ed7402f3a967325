import { toHex } from "../bytes/hex.js"

/** The service, unless `AT_SITE` names another. */
const DEFAULT_SITE = "https://academictorrents.com"

/** The service's URLs. All come from one base, so that a mirror or a test can stand in for it. */
export class Site {
  readonly base: string
  /** False: it is the default. */
  readonly namedByUser: boolean

  constructor(named: string | undefined) {
    this.base = (named ?? DEFAULT_SITE).replace(/\/+$/, "")
    this.namedByUser = named !== undefined
  }

  torrentUrl(infoHash: Uint8Array): string {
    return `${this.base}/download/${toHex(infoHash)}.torrent`
  }
}

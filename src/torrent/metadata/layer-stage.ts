import { AtError } from "../../errors.js"
import type { FileHashes } from "../../metainfo/file-hashes.js"
import type { HashRequest } from "../../metainfo/hash-request.js"
import { TORRENT_LIMITS } from "../../metainfo/info-dictionary.js"
import type { Metainfo } from "../../metainfo/metainfo.js"
import type { MetadataPeer } from "../../peer/metadata-peer.js"
import type { Hasher } from "../../ports/hasher.js"
import { LayerExchange } from "./layer-exchange.js"
import { LayerParts } from "./layer-parts.js"

/** ms without a hash after which a hybrid goes without its piece layers: its v1 hashes have to do. */
const HYBRID_PATIENCE = 3_000
/** ms after which it goes without them though some come: they must not hold up the data. */
const HYBRID_LIMIT = 15_000

export interface LayerStageOptions {
  readonly hasher: Pick<Hasher, "digest">
  /** For people. */
  readonly name: string
  /** Clock ms. */
  readonly now: number
  /** It lies, or does not answer. */
  readonly drop: (peer: MetadataPeer, reason: string) => void
  /** They are there. Called once. */
  readonly onLayers: (layers: readonly FileHashes[]) => void
}

/** The second half of a fetch: the info dictionary is there, and the piece layers that it needs (BEP 52) are not. */
export class LayerStage {
  /** Of the info dictionary. */
  readonly infoLength: number
  readonly exchange: LayerExchange<MetadataPeer>
  readonly #parts: LayerParts
  readonly #optional: boolean
  /** Clock ms. */
  readonly #since: number

  private constructor(info: Metainfo, parts: LayerParts, options: LayerStageOptions) {
    const { hasher, drop, onLayers } = options
    this.infoLength = info.infoBytes.length
    this.#parts = parts
    this.#optional = info.version === "hybrid"
    this.#since = options.now
    this.exchange = new LayerExchange<MetadataPeer>(parts, (data) => hasher.digest("sha256", data), {
      ask: (peer: MetadataPeer, request: HashRequest) => peer.askHashes(request),
      drop,
      onLayers: () => onLayers(parts.join()),
    })
  }

  /** Undefined: nothing is to be fetched. @throws AtError when it is too much */
  static of(info: Metainfo, options: LayerStageOptions): LayerStage | undefined {
    const { fileNodes, layout, infoBytes, version } = info
    if (fileNodes === null || fileNodes.complete) return undefined
    const parts = new LayerParts(layout, fileNodes)
    if (infoBytes.length + parts.bytes <= TORRENT_LIMITS.length) return new LayerStage(info, parts, options)
    if (version === "hybrid") return undefined
    throw new AtError(
      "AT_METADATA",
      `the piece layers of ${options.name} have ${parts.bytes} bytes, which is too much`,
      {
        hint: "ask the publisher for a torrent with larger pieces",
      },
    )
  }

  /** Bytes of all layers. */
  get bytes(): number {
    return this.#parts.bytes
  }

  /** Parts of them that are asked for one by one. */
  get partCount(): number {
    return this.#parts.count
  }

  /** They can be done without, and take too long. `idle`: ms without anything new */
  isTooSlow(now: number, idle: number): boolean {
    return this.#optional && (idle >= HYBRID_PATIENCE || now - this.#since >= HYBRID_LIMIT)
  }
}

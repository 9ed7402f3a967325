/**
 * Get, check, read and share datasets from Academic Torrents.
 *
 * @module
 */
export type { CallOptions, StreamOptions } from "./dataset/call-options.js"
export { type Created, create } from "./dataset/create.js"
export type { CreateOptions } from "./dataset/create-options.js"
export { Dataset } from "./dataset/dataset.js"
export type { DatasetFile } from "./dataset/dataset-file.js"
export type { DatasetMetainfo, TorrentVersion } from "./dataset/dataset-metainfo.js"
export { setDatastore } from "./dataset/datastore.js"
export { get, open } from "./dataset/get.js"
export type { GiveLimits } from "./dataset/give-until.js"
export type { Options } from "./dataset/options.js"
export type { FileChoice } from "./dataset/selection.js"
export { setLimits } from "./dataset/shared-limits.js"
export type { ScrapeCounts, SwarmSize } from "./dataset/swarm-size.js"
export type { WebSeedState } from "./dataset/web-seed-states.js"
export { AtError, type AtErrorCode } from "./errors.js"
export type { Log, LogLevel } from "./ports/log.js"
export type { LimitOptions } from "./session/limits.js"
export type { EncryptionPolicy } from "./session/session.js"
export type { CommitStats, StageStats, StoreStats } from "./storage/commit-meter.js"
export type { Range as PieceRange } from "./storage/ranges.js"
export type { FileReport, FileState, VerifyReport } from "./storage/verify.js"
export type { Bottleneck } from "./torrent/statistics/bottleneck.js"
export type { ProgressSnapshot, TorrentState } from "./torrent/statistics/progress.js"
export type { TorrentStats } from "./torrent/statistics/torrent-stats.js"

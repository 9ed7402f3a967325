/** Where a peer is: an IP address, or a name if `resolve` said that it stands for itself; and a TCP port. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** What the owner of a byte stream hears. Each method is called from the event loop, never from inside a call of ours. */
export interface StreamListener {
  /** The outgoing connection stands. Not called for accepted ones. */
  onOpen(): void
  /** Bytes arrived. `chunk` is only valid during the call, and may be changed: its memory is used again. */
  onData(chunk: Uint8Array): void
  /** What was buffered has been handed to the network: go on writing. */
  onDrain(): void
  /** The end, exactly once; nothing follows. `error` is absent for an orderly end by either side. */
  onClose(error?: Error): void
}

/** A connection: two-way bytes, in order. TCP or uTP, encrypted or not. */
export interface ByteStream {
  readonly remote: Endpoint
  /** It runs over uTP (BEP 29). Absent: it does not. */
  readonly utp?: boolean
  /** The address of ours that it runs from, where that is known. */
  readonly ownHost?: string | undefined
  /** Bytes written and not yet handed to the network. */
  readonly bufferedBytes: number
  /**
   * Queues `chunk`. False: stop until `onDrain`. Ignored once closed. The chunk must stay as it is until `onTaken`, which is
   * called once, perhaps before `write` returns: its bytes were handed to the network, or never will be.
   */
  write(chunk: Uint8Array, onTaken?: () => void): boolean
  /** Stops `onData` until `resume` (back-pressure reaches the remote side). */
  pause(): void
  resume(): void
  /** Closes at once, unsent bytes and all. `onClose` follows. */
  destroy(): void
}

/** An open listening port. */
export interface Listener {
  readonly port: number
  close(): Promise<void>
}

/** When uTP is tried to get to a place: half a second after TCP, or alone. Where there is none, it changes nothing. */
export type UtpWish = "soon" | "alone"

/** Stream connections. */
export interface Net {
  /** Starts to connect; the outcome arrives at `listener` (`onOpen`, or `onClose` with the error). */
  connect(remote: Endpoint, listener: StreamListener, utp?: UtpWish): ByteStream
  /**
   * Accepts connections at `port` (0: any free one) of every interface, or of `host` alone.
   * `accept` returns who listens to the stream.
   * @throws when the port is taken or not allowed
   */
  listen(options: { port: number; host?: string }, accept: (stream: ByteStream) => StreamListener): Promise<Listener>
  /**
   * The addresses of a host name (an IP address stands for itself; behind a proxy, which alone resolves names, a name does
   * too). @throws when it has none, when nobody says in time, or when no way leads there
   */
  resolve(hostname: string): Promise<string[]>
}

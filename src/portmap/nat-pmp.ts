/** Where routers listen (RFC 6886, 3). */
export const NAT_PMP_PORT = 5351

/** Operations (RFC 6886, 3.3); an answer's is 128 more. */
const NAT_PMP_OPERATION = { udp: 1, tcp: 2 } as const

export type MappedProtocol = keyof typeof NAT_PMP_OPERATION

const VERSION = 0
const ANSWER = 128
const ANSWER_LENGTH = 16

/** What result codes mean (RFC 6886, 3.5). */
const REASONS: readonly string[] = [
  "",
  "it speaks another version",
  "it does not allow it",
  "it has no address itself",
  "it has no room for more",
  "it does not know how",
]

/** A request for a mapping. */
export interface MappingRequest {
  readonly protocol: MappedProtocol
  /** Ours. */
  readonly port: number
  /** The one that we would like outside; the router may give another. */
  readonly outerPort: number
  /** Seconds; 0 takes the mapping back. */
  readonly lifetime: number
}

export type MappingAnswer =
  | { readonly kind: "mapped"; readonly outerPort: number; readonly lifetime: number }
  | { readonly kind: "refused"; readonly reason: string }

export function encodeMappingRequest({ protocol, port, outerPort, lifetime }: MappingRequest): Uint8Array {
  const bytes = new Uint8Array(12)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, VERSION)
  view.setUint8(1, NAT_PMP_OPERATION[protocol])
  view.setUint16(4, port)
  // To take one back, the outer port has to be 0 (RFC 6886, 3.4).
  view.setUint16(6, lifetime === 0 ? 0 : outerPort)
  view.setUint32(8, lifetime)
  return bytes
}

/** Undefined: no answer to this request. */
export function decodeMappingAnswer(
  bytes: Uint8Array,
  { protocol, port }: Pick<MappingRequest, "protocol" | "port">,
): MappingAnswer | undefined {
  if (bytes.length < 4 || bytes[0] !== VERSION || bytes[1] !== ANSWER + NAT_PMP_OPERATION[protocol]) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const code = view.getUint16(2)
  // Routers of other versions answer with the shortest of headers.
  if (code !== 0) return { kind: "refused", reason: REASONS[code] ?? `error ${code}` }
  if (bytes.length < ANSWER_LENGTH || view.getUint16(8) !== port) return undefined
  const outerPort = view.getUint16(10)
  if (outerPort === 0) return { kind: "refused", reason: "it names no port" }
  return { kind: "mapped", outerPort, lifetime: view.getUint32(12) }
}

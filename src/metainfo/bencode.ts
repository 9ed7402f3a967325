export {
  BencodeError,
  type BencodeLimits,
  decode,
  decodePrefix,
  MESSAGE_LIMITS,
} from "./bencode-decoder.js"
export { type BencodeInput, Encoded, encode } from "./bencode-encoder.js"
export {
  asBytes,
  asDictionary,
  asInteger,
  asList,
  asText,
  BencodeDictionary,
  type BencodeValue,
} from "./bencode-value.js"

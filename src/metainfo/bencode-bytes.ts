/** What the encoding of BEP 3 is made of. */
export const COLON = 0x3a
export const MINUS = 0x2d
export const ZERO = 0x30
export const NINE = 0x39
export const DICTIONARY = 0x64
export const END = 0x65
export const INTEGER = 0x69
export const LIST = 0x6c

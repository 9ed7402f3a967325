export { AtError, type AtErrorCode } from "./errors.js"

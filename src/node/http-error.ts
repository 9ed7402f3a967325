import { isError } from "../errors.js"
import { HttpError } from "../ports/http.js"
import { errnoOf } from "./errno.js"
import { MalformedAnswer } from "./http1-head.js"
import { lookupFault } from "./lookup-fault.js"
import { ProxyRefusal } from "./proxy-login.js"

const CERTIFICATE_FAULTS: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate comes from an issuer that is not trusted here",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate comes from an issuer that is not known here",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate comes from an issuer that is not known here",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate comes from an issuer that is not known here",
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet (or the clock of this machine is wrong)",
  CERT_REVOKED: "its certificate was revoked",
  HOSTNAME_MISMATCH: "its certificate is for another name",
}

/** OpenSSL's and Node's other names for what goes wrong with TLS. */
const TLS_CODE = /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|ERROR_IN_C|INVALID_|PATH_LENGTH_|EPROTO$)/

/** Whether TLS itself went wrong: a certificate, a handshake, a record, or an alert of the host's. */
export function isTlsFault(error: unknown): boolean {
  const code = errnoOf(error)
  return code in CERTIFICATE_FAULTS || TLS_CODE.test(code)
}

/** Node's error of a request to `host` (never a whole URL: it may hold secrets) as the port's. */
export function toHttpError(error: unknown, host: string): HttpError {
  if (error instanceof HttpError) return error
  const code = errnoOf(error)
  const fault = CERTIFICATE_FAULTS[code]
  if (fault !== undefined) return new HttpError("tls", `${host} can't be trusted: ${fault}`, error)
  if (isTlsFault(error)) return new HttpError("tls", `no secure connection to ${host}: ${reasonOf(error)}`, error)
  if (error instanceof MalformedAnswer)
    return new HttpError("malformed", `${host} does not speak HTTP: ${reasonOf(error)}`, error)
  if (error instanceof ProxyRefusal) return new HttpError("proxy", `no answer from ${host}: ${reasonOf(error)}`, error)
  if (code === "ETIMEDOUT") return new HttpError("timeout", `no connection to ${host}: ${reasonOf(error)}`, error)
  return new HttpError("network", `no answer from ${host}: ${reasonOf(error)}`, error)
}

function reasonOf(error: unknown): string {
  if (!isError(error)) return String(error)
  const fault = lookupFault(error)
  return fault !== undefined && "hostname" in error ? `the name ${error.hostname} ${fault}` : error.message
}

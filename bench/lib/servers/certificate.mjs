import { execFileSync } from "node:child_process"
import { needsProgram } from "../clients/installed.mjs"

export const certificateMissing = () => needsProgram("openssl", "openssl")

/** A certificate for an address, which clients are told to trust. @returns {{certificate: string, key: string}} paths */
export function makeCertificate(stage, host) {
  const [certificate, key] = [stage.path("certificate.pem"), stage.path("key.pem")]
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=benchmark"],
      ...["-addext", `subjectAltName=IP:${host}`, "-keyout", key, "-out", certificate],
    ],
    { stdio: "ignore" },
  )
  return { certificate, key }
}

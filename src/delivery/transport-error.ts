import { DestinationError } from './destination.ts';

/** What this machine lacks says nothing of the receiver. */
const OUR_FAULTS = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL']);

/** Of several addresses that were tried, each may have its own error. */
export function isOurFault(error: Error & { code?: unknown; errors?: unknown }): boolean {
  if (Array.isArray(error.errors)) return error.errors.every(isOurFault);
  return typeof error.code === 'string' && OUR_FAULTS.has(error.code);
}

/** OpenSSL's names for what it finds wrong with a certificate, and Node's for the rest. */
const TLS_CODES =
  /^(EPROTO$|ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|CRL_|ERROR_IN_C|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA$|INVALID_PURPOSE$|PATH_LENGTH_EXCEEDED$|HOSTNAME_MISMATCH$)/;

/** What an attempt ended by, as its outcome has it. */
export function failureOf(error: Error & { code?: unknown }) {
  if (error instanceof DestinationError) return error.outcome;
  const code = String(error.code);
  if (TLS_CODES.test(code)) return 'tls_error';
  return code === 'ETIMEDOUT' ? 'timeout' : 'connection_error';
}

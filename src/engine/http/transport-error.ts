import { DestinationError } from './destination.ts';

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

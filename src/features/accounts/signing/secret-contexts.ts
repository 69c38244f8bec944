/**
 * Where secrets live, for the secret box: a ciphertext opens only in the row it was sealed for. The
 * current and the previous secret share a context, so that a rotation moves one by SQL alone.
 */
export function endpointContext(endpointId: string): string {
  return `endpoint:${endpointId}:secret`;
}

/** Custom headers, which hold receivers' credentials. */
export function headersContext(endpointId: string): string {
  return `endpoint:${endpointId}:headers`;
}

/** What a chat's robot checks beside, or in place of, our signature. */
export function formatContext(endpointId: string): string {
  return `endpoint:${endpointId}:format`;
}

/** The secret that signs what goes to a merchant's `notifyUrl`. */
export function merchantContext(merchantId: string): string {
  return `merchant:${merchantId}:secret`;
}

/** The secret that signs what is called on a producer's behalf. */
export function callbackContext(keyId: string): string {
  return `key:${keyId}:callback`;
}

/** What this machine lacks says nothing of the receiver. */
const OUR_FAULTS = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EAI_MEMORY',
  'EADDRNOTAVAIL',
  // The proxy that all calls go through.
  'EPROXY',
]);

/** Of several addresses that were tried, each may have its own error. */
export function isOurFault(error: Error & { code?: unknown; errors?: unknown }): boolean {
  if (Array.isArray(error.errors)) return error.errors.every(isOurFault);
  return typeof error.code === 'string' && OUR_FAULTS.has(error.code);
}

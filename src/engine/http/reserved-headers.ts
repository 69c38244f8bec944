/**
 * What a connection needs for itself, what describes the body, what proxies take for theirs, and what signs. One of
 * these, set by a receiver's owner, could smuggle or misroute a request, or be taken for ours.
 */
const NAMES = new Set([
  'accept-encoding',
  'connection',
  'date',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
]);
const PREFIXES = ['content-', 'proxy-', 'webhook-', 'postrider-'];

/** Whether a header's name is ours to set. Many servers read `_` as `-`, so that one is as good as the other. */
export function isReserved(name: string): boolean {
  const plain = name.toLowerCase().replaceAll('_', '-');
  return NAMES.has(plain) || PREFIXES.some((prefix) => plain.startsWith(prefix));
}

/** What somebody put there to be replaced; such a text is known to everybody, whatever surrounds it. */
const PLACEHOLDER =
  /change[-_ ]?(me|it|this)|replace[-_ ]?(me|this)|your[-_ ]?(operator[-_ ]?)?key/i;
/** What guessers try first. */
const COMMON =
  /password|passw0rd|passwd|secret|letmein|welcome|qwerty|admin|default|example|123456/gi;
const LONGEST_PIECE = 8;
const FEWEST_CHARACTERS = 6;
const FEWEST_LEFT = 12;
/** Of 32 random bytes some 30 are different ones. */
const FEWEST_BYTES = 16;

/**
 * What makes a key easy to guess that a person has chosen. It catches carelessness, and is no measure of
 * strength: a person's sentence of 24 characters passes. (Rejected: an estimate of entropy. It refuses good keys for
 * reasons that nobody can follow.)
 *
 * @returns null where nothing stands against it
 */
export function weaknessOfText(key: string): string | null {
  if (PLACEHOLDER.test(key)) return 'it is a placeholder that was to be replaced';
  if (new Set(key).size < FEWEST_CHARACTERS) return 'it has too few different characters';
  if (isOnePieceRepeated(key)) return 'it is one short piece, repeated';
  if (key.replaceAll(COMMON, '').length < FEWEST_LEFT) return 'it is made of well-known words';
  return null;
}

/** @returns null where the bytes may be random ones */
export function weaknessOfBytes(key: Buffer): string | null {
  if (new Set(key).size < FEWEST_BYTES) return 'it has too few different bytes';
  const step = (key[1] as number) - (key[0] as number);
  if (key.every((byte, at) => at === 0 || byte - (key[at - 1] as number) === step)) {
    return 'its bytes count up or down';
  }
  // Random bytes are text about once in 10^14.
  return key.every((byte) => byte >= 0x20 && byte < 0x7f)
    ? 'it is text and not random bytes'
    : null;
}

function isOnePieceRepeated(key: string): boolean {
  for (let length = 1; length <= LONGEST_PIECE; length += 1) {
    const piece = key.slice(0, length);
    if (piece.repeat(Math.ceil(key.length / length)).startsWith(key)) return true;
  }
  return false;
}

/** Dice that fall the same way for the same seed. */
export interface Random {
  /** 0 ≤ n < 1 */
  (): number;
  /** A whole number, both ends included. */
  between(from: number, to: number): number;
  pick<T>(items: readonly T[]): T;
}

/**
 * The draws of one seed and one name: what one scenario draws never depends on how often another one
 * has drawn, so that `--only` repeats it.
 */
export function randomOf(seed: number, name: string): Random {
  let state = hash(`${seed} ${name}`);
  // Mulberry32.
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (from: number, to: number) => from + Math.floor(next() * (to - from + 1));
  return Object.assign(next, {
    between,
    pick<T>(items: readonly T[]): T {
      const item = items[between(0, items.length - 1)];
      if (item === undefined) throw new Error('nothing to pick from');
      return item;
    },
  });
}

/** 0 ≤ n < 1, always the same for the same text: what does not depend on the order of asking. */
export function fateOf(text: string): number {
  return hash(text) / 2 ** 32;
}

/** FNV-1a, and a last stir: texts that differ in their last character must differ everywhere. */
function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (const byte of Buffer.from(text)) sum = Math.imul(sum ^ byte, 0x01000193);
  sum = Math.imul(sum ^ (sum >>> 16), 0x85ebca6b);
  sum = Math.imul(sum ^ (sum >>> 13), 0xc2b2ae35);
  return (sum ^ (sum >>> 16)) >>> 0;
}

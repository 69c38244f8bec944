/** A stream of numbers that a seed decides; the same on every machine. */
export interface Random {
  /** 0 ≤ x < 1 */
  next(): number;
  /** A whole number, both ends included. */
  whole(from: number, to: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** Waits as they are between events that know nothing of each other. */
  exponential(mean: number): number;
  /** Another stream, which this one decides: what one part draws does not shift the others. */
  fork(): Random;
}

/** splitmix32: small, and good enough for dice. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const bits = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  const random: Random = {
    next: () => bits() / 2 ** 32,
    whole: (from, to) => from + Math.floor(random.next() * (to - from + 1)),
    chance: (probability) => random.next() < probability,
    pick: <T>(from: readonly T[]) => from[random.whole(0, from.length - 1)] as T,
    exponential: (mean) => -Math.log(1 - random.next()) * mean,
    fork: () => randomOf(bits()),
  };
  return random;
}

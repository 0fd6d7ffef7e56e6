/** What is drawn by lot is the same all day, so that a run that failed can be had again: DRAY_SEED draws otherwise. */
export const SEED: number = Number(process.env["DRAY_SEED"] ?? Math.floor(Date.now() / 86_400_000));

/** Some of a list, drawn by lot, in the list's order. */
export function draw<Of>(from: readonly Of[], count: number, seed: number = SEED): Of[] {
  const places = from.map((_one, index) => ({ index, rank: scramble(seed, index) }));
  const drawn = new Set(
    places
      .toSorted((a, b) => a.rank - b.rank)
      .slice(0, count)
      .map(({ index }) => index),
  );
  return from.filter((_one, index) => drawn.has(index));
}

/** Two numbers to one in which neither can be seen (the finaliser of MurmurHash3). */
function scramble(seed: number, index: number): number {
  let word = Math.imul(seed ^ Math.imul(index + 1, 0x9e3779b1), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}

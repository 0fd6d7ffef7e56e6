/** Each bucket is a tenth wider than the one before: a percentile is right to about 5 %. */
const GROWTH = Math.log(1.1);

/** Counts by bucket; sparse. Bucket 0 is up to 1 ms. */
export type Histogram = Record<number, number>;

/** The edge tells whole milliseconds, nearly always few: a logarithm for each would be most of the work. */
const KNOWN = Uint16Array.from({ length: 4096 }, (_, ms) => (ms <= 1 ? 0 : Math.ceil(Math.log(ms) / GROWTH)));

function bucketOf(ms: number): number {
  return KNOWN[ms] ?? (ms <= 1 ? 0 : Math.ceil(Math.log(ms) / GROWTH));
}

/** The upper end of a bucket, in milliseconds. */
export function topOf(bucket: number): number {
  return Math.exp(bucket * GROWTH);
}

export function add(histogram: Histogram, ms: number, count: number = 1): void {
  const bucket = bucketOf(ms);
  histogram[bucket] = (histogram[bucket] ?? 0) + count;
}

export function merge(into: Histogram, from: Histogram): void {
  for (const [bucket, count] of Object.entries(from)) into[Number(bucket)] = (into[Number(bucket)] ?? 0) + count;
}

/** The upper end of the bucket that holds a share of the counts, in milliseconds; 0 of nothing. */
export function quantile(histogram: Histogram, share: number): number {
  const buckets = Object.entries(histogram).map(([bucket, count]): [number, number] => [Number(bucket), count]);
  const total = buckets.reduce((sum, [, count]) => sum + count, 0);
  let left = total * share;
  for (const [bucket, count] of buckets.toSorted(([a], [b]) => a - b)) {
    left -= count;
    if (left <= 1e-9) return Math.round(topOf(bucket) * 10) / 10;
  }
  return 0;
}

/** Milliseconds, as people read them. */
export function msText(ms: number): string {
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`;
  if (ms < 10_000) return `${Math.round(ms)} ms`;
  return `${Math.round(ms / 100) / 10} s`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytesText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${value >= 10 || power === 0 ? Math.round(value) : Math.round(value * 10) / 10} ${UNITS[power]}`;
}

export function countText(count: number): string {
  return count.toLocaleString("en-US");
}

const AGES: readonly (readonly [number, string])[] = [
  [86_400, "d"],
  [3600, "h"],
  [60, "min"],
];

/** How long ago a moment is. */
export function agoText(at: string): string {
  const seconds = (Date.now() - Date.parse(at)) / 1000;
  if (!Number.isFinite(seconds)) return at;
  const [size, unit] = AGES.find(([each]) => seconds >= each) ?? [1, "s"];
  return `${Math.max(0, Math.floor(seconds / size))} ${unit} ago`;
}

/** An image by its name's last parts: the registry and the digest are in its title. */
export function imageText(image: string): string {
  const [name = image, digest = ""] = image.split("@");
  const short = name.split("/").slice(-1).join("/");
  return digest === "" ? short : `${short}@${digest.slice(7, 15)}`;
}

/** A word of a shell's command line. */
export function shellWord(word: string): string {
  return /^[\w./:@=-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** A share of one, in percent. */
export function percentText(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}

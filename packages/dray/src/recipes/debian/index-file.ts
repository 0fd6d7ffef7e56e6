/** One package of the archive. */
export interface LockedFile {
  version: string;
  /** Below the archive's address. */
  path: string;
  /** Of the file, in hexadecimal. */
  sha256: string;
  /** In bytes. */
  size: number;
}

/** Finds a package in a suite's index (deb822 paragraphs; Debian's RepositoryFormat, "Packages indices"). */
export function findInIndex(index: string, name: string): LockedFile | undefined {
  const begin = `\n${index}`.indexOf(`\nPackage: ${name}\n`);
  if (begin === -1) return undefined;
  const end = index.indexOf("\n\n", begin);
  return readParagraph(index.slice(begin, end === -1 ? undefined : end));
}

function readParagraph(paragraph: string): LockedFile {
  const field = (key: string): string => fieldOf(paragraph, key) ?? "";
  return {
    version: field("Version"),
    path: field("Filename"),
    sha256: field("SHA256"),
    size: Number(field("Size")),
  };
}

/** One field of a deb822 paragraph. */
export function fieldOf(paragraph: string, key: string): string | undefined {
  return new RegExp(`^${key}: (.*)$`, "m").exec(paragraph)?.[1];
}

/** Which values of a service's requests are kept. */
export interface MaskRules {
  /** Fields that are masked. */
  mask: readonly string[];
  /** The only fields that are not, where it is set: what nobody thought of is masked, too. */
  only?: readonly string[] | undefined;
}

const MASKED = "[masked]";
/** Where servers of models take rows without names: their fields are known by their place only. */
const ROWS = new Set(["instances", "inputs", "data", "rows", "features", "values", "ndarray", "array", "tensor", "x"]);

type Fields = Record<string, unknown>;

/** How names are compared: `Income` is `income`, to whoever reads it. */
const fold = (name: string): string => name.normalize("NFKC").trim().toLowerCase();

/** Puts masks on a request and on its answer. JSON that `parseJson` read, and so of no great depth. */
export class Mask {
  readonly #mask: ReadonlySet<string>;
  readonly #only: ReadonlySet<string> | undefined;

  constructor({ mask, only }: MaskRules) {
    this.#mask = new Set(mask.map(fold));
    this.#only = only === undefined ? undefined : new Set(only.map(fold));
  }

  /** Nothing is masked at all. */
  get #isOff(): boolean {
    return this.#mask.size === 0 && this.#only === undefined;
  }

  /** A request: rows without names are masked as a whole, for nobody can say what is in which place. */
  request(value: unknown): unknown {
    if (this.#isOff) return value;
    const at = { kept: false, rows: true };
    return Array.isArray(value) ? this.#list(value, at, true) : this.#walk(value, at);
  }

  /** An answer: its rows are the model's own. */
  answer(value: unknown): unknown {
    return this.#isOff ? value : this.#walk(value, { kept: false, rows: false });
  }

  #hides(name: string): boolean {
    const folded = fold(name);
    return this.#mask.has(folded) || (this.#only !== undefined && !this.#only.has(folded));
  }

  /** `kept`: below a field that is; `rows`: lists without names may be rows. */
  #walk(value: unknown, at: { kept: boolean; rows: boolean }): unknown {
    if (Array.isArray(value)) return this.#list(value, at, false);
    if (typeof value === "object" && value !== null) return this.#object(value as Fields, at);
    return at.kept || this.#only === undefined ? value : MASKED;
  }

  #list(list: readonly unknown[], at: { kept: boolean; rows: boolean }, isRow: boolean): unknown {
    const bare = list.some((each) => typeof each !== "object" || each === null);
    if (bare && isRow && at.rows && !at.kept) return MASKED;
    return list.map((each) => (Array.isArray(each) ? this.#list(each, at, true) : this.#walk(each, at)));
  }

  #object(value: Fields, at: { kept: boolean; rows: boolean }): unknown {
    const { name, data, columns } = value;
    if (typeof name === "string" && data !== undefined) return this.#tensor(value, name);
    if (isNames(columns) && Array.isArray(data)) return { ...value, data: data.map((row) => this.#row(row, columns)) };
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, this.#field(key, each, at)]));
  }

  #field(key: string, value: unknown, at: { kept: boolean; rows: boolean }): unknown {
    const folded = fold(key);
    if (this.#mask.has(folded)) return MASKED;
    const kept = at.kept || this.#only?.has(folded) === true;
    if (Array.isArray(value)) return this.#list(value, { ...at, kept }, ROWS.has(folded));
    return this.#walk(value, { ...at, kept });
  }

  /** A named tensor of the open inference protocol: a column by its name; one of several columns by nobody's. */
  #tensor(value: Fields, name: string): unknown {
    const { shape } = value;
    const wide = Array.isArray(shape) && shape.length > 1 && Number(shape.at(-1)) !== 1;
    return this.#hides(name) || wide ? { ...value, data: MASKED } : value;
  }

  /** A row whose fields are named beside it, as tables are split into columns and data. */
  #row(row: unknown, columns: readonly string[]): unknown {
    if (!Array.isArray(row)) return MASKED;
    return row.map((each: unknown, index) => (this.#hides(columns[index] ?? "") ? MASKED : each));
  }
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

import type { Golden } from "./golden.ts";

/** The request where a person names none; `none`: why it is only a GET of the root. */
export interface Sampled {
  request?: Golden["request"];
  golden?: Golden;
  none?: string;
}

/** The request that is sent where nobody names one, and where it goes. */
export interface Offered extends Sampled {
  /** Where requests go; undefined: to one route, by the target itself. */
  base?: string;
}

import type { Outcome } from "./types.ts";

/** What a plan would change. */
export type Changes = Outcome["plan"]["changes"];

/** One setting in which two releases differ. */
export interface Difference {
  what: string;
  left: string;
  right: string;
}

/** Both lists say what differs from the live release: what neither names is the same in all three. */
export function between(ofLeft: Changes, ofRight: Changes): Difference[] {
  const names = new Set([...ofLeft, ...ofRight].map(({ what }) => what));
  return [...names].flatMap((what) => {
    const [left, right] = [ofLeft, ofRight].map((all) => all.find((each) => each.what === what));
    const live = left?.before ?? right?.before;
    const value = (change: typeof left): string => (change === undefined ? live : change.after) ?? "–";
    return value(left) === value(right) ? [] : [{ what, left: value(left), right: value(right) }];
  });
}

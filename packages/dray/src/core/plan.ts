/** One thing that would be done, as plain data. Targets narrow `kind` to their own union. */
export interface Step {
  kind: string;
  /** Its own within a run, given as the plan is carried out: `vm/3`. */
  id?: string;
  /** The machine it is done on. */
  on: string;
  title: string;
}

/** Steps that go side by side; a barrier before the next stage. */
export interface Stage<S extends Step = Step> {
  title: string;
  steps: readonly S[];
  /**
   * `undo`: take back what was done so far. `warn`: past the point of no return, say it and go on. `stop`: leave all as it
   * is, for the next run to go on from.
   */
  onFailure: "undo" | "warn" | "stop";
}

export interface Plan<S extends Step = Step> {
  service: string;
  release: string;
  stages: readonly Stage<S>[];
  /** What would change, for people: `+ image ...`, `~ limits.memory 1 GiB -> 2 GiB`. */
  changes: readonly Change[];
  /** What somebody should know before they say yes, in a sentence each. */
  notes?: readonly string[];
}

export interface Change {
  what: string;
  before?: string;
  after?: string;
}

/** The plan with an id at each step: the place, and which of the plan's steps it is. */
export function numbered<S extends Step>(plan: Plan<S>): Plan<S> {
  let count = 0;
  const withId = (step: S): S => ({ ...step, id: `${step.on}/${++count}` });
  return { ...plan, stages: plan.stages.map((stage) => ({ ...stage, steps: stage.steps.map(withId) })) };
}

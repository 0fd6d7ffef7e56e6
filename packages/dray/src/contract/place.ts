import type { Manifest } from "../manifest/schema.ts";

/** One thing of a target that is changed as a whole: a machine; a project's region. */
export interface Place {
  /** What people call it. */
  name: string;
  /** Where the target finds it: `user@host`, `local`; a region. */
  at: string;
}

/** A manifest's service at one place. */
export interface Subject {
  service: string;
  place: Place;
  manifest: Manifest;
}

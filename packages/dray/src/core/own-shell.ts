/** A static shell of ours, for images that have none: it lies in the keeper's image and, on a machine, in a volume. */
export const OWN_SHELL = {
  /** The folder of the keeper's image that has it and nothing else. */
  folder: "/opt/dray",
  /** The program in that folder. */
  program: "busybox",
  /** Filled by the engine from the keeper's image when it is new: another build of the program wants another number. */
  volume: "dray-shell-1",
} as const;

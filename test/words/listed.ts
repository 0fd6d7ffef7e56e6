/** Sentences that needed a second reading, with their better form in the house's review of its words: none comes back. */
export const LISTED: readonly string[] = [
  "is said in the deploy, with its fix, and mended without another",
  "Where few call, golden requests to both fill in",
  "When whoever judges it is killed, the edge itself takes the share away",
  "What is half made is gone on with, what somebody else made is left alone, what costs is named",
  "the others are said to be unknown, and what is missing to know",
  "to know, this is missing",
  "Share of the disk in use from which on",
  "Dockerfile, when it is not called so",
  "It is not said which Google Cloud project is meant",
  "Largest difference of two numbers that is none, relative",
  "A comparison with what does not answer any more is none",
  "Of a trial that nobody judges any more",
  "Who may not open the engine's socket has reached it with sudo",
  "Whoever uses it meets the error; where the start itself fails, nobody does",
  "What retires has time, and there may be many of it",
];

const waiting: (() => void)[] = [];

/** Does a piece of work in a turn of its own, so that keys and clicks are not kept waiting by all of it. Answers with what forgets it. */
export function inTurn(work: () => void): () => void {
  let wanted = true;
  waiting.push(() => {
    if (wanted) work();
  });
  if (waiting.length === 1) setTimeout(next);
  return () => {
    wanted = false;
  };
}

function next(): void {
  const [work] = waiting;
  try {
    work?.();
  } finally {
    waiting.shift();
    if (waiting.length > 0) setTimeout(next);
  }
}

const LONGEST_MS = 12;

/** Lets the page breathe within a long work: resolves at once until it has had its time, then after the page had its turn. */
export function breather(): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < LONGEST_MS) return undefined;
    return new Promise((resolve) => {
      setTimeout(() => {
        since = performance.now();
        resolve();
      });
    });
  };
}

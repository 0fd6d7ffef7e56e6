/** What a caller may send as its own id: it is repeated in headers and logs. */
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** The caller's own id for a request, or one that no other request of any process has. */
export type IdFor = (given: unknown) => string;

export function requestIds(): IdFor {
  let count = 0;
  const start = Date.now().toString(36) + process.pid.toString(36);
  return (given) =>
    typeof given === "string" && REQUEST_ID.test(given) ? given : `${start}-${(count++).toString(36)}`;
}

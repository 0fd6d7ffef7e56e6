import type { Front } from "../core/release.ts";

/** The API says which of them it serves, and keys say who may use them. */
const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";

/**
 * Which pages of other origins a browser lets read the answers, and which requests it lets them send (the Fetch
 * standard, 3.3). The browser's question before the request carries no key, so it is answered before keys are asked for.
 */
export function corsRules(front: Front | undefined): string[] {
  if (front?.cors === undefined) return [];
  const { origins, headers, expose, credentials, maxAgeS } = front.cors;
  const allowed = "{ var(txn.cors) -m found }";
  const set = (name: string, value: string): string =>
    `  http-after-response set-header ${name} ${value} if ${allowed}`;
  return [
    ...originRules(origins),
    `  http-request return status 204 hdr access-control-allow-methods "${METHODS}" hdr access-control-allow-headers "${headers.join(", ")}" hdr access-control-max-age ${maxAgeS} if METH_OPTIONS { req.hdr(access-control-request-method) -m found } ${allowed}`,
    // One list counts, and it is this one.
    ...["allow-origin", "allow-credentials", "expose-headers"].map(
      (name) => `  http-after-response del-header access-control-${name}`,
    ),
    set("access-control-allow-origin", "%[var(txn.cors)]"),
    ...(credentials ? [set("access-control-allow-credentials", "true")] : []),
    ...(expose.length === 0 ? [] : [set("access-control-expose-headers", `"${expose.join(", ")}"`)]),
    // A cache between here and the browser must not hand one page's permission to another one.
    ...(origins === "*" ? [] : ["  http-after-response add-header vary origin"]),
  ];
}

function originRules(origins: "*" | readonly string[]): string[] {
  const said = "req.fhdr(origin)";
  if (origins === "*") return [`  http-request set-var(txn.cors) str(*) if { ${said} -m found }`];
  const exact = origins.filter((origin) => !origin.includes("*"));
  const below = origins.filter((origin) => origin.includes("*"));
  return [
    ...(exact.length === 0 ? [] : [`  acl page_allowed ${said} -m str ${exact.join(" ")}`]),
    ...below.map((origin) => `  acl page_allowed ${said} -m reg ^${pattern(origin)}$`),
    `  http-request set-var(txn.cors) ${said} if page_allowed`,
  ];
}

/** `https://*.example.com` as a regular expression: any name below, however many words it has. */
function pattern(origin: string): string {
  return origin.replaceAll(".", "[.]").replace("*", "[a-z0-9.-]+");
}

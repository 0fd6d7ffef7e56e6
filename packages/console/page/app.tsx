import { pages } from "./pages.ts";
import { Failure, Waiting } from "./parts.tsx";
import { Overview } from "./pages/overview.tsx";
import { linkTo, PAGES, type Page, route } from "./route.ts";
import { connection, hello } from "./state.ts";
import type { Hello, Named } from "./types.ts";

const TITLES: Record<Page, string> = {
  service: "Service",
  runs: "Runs",
  trace: "Trace",
  checks: "Checks",
  try: "Try it",
  requests: "Requests",
  logs: "Logs",
  drift: "Drift",
  alerts: "Alerts",
  keys: "Keys",
  machines: "Machines",
};

/** What a page of a service is handed. */
export interface PageProps {
  at: number;
  named: Named;
  mayChange: boolean;
}

/** The frame: where one is, and the page. */
export function App() {
  const said = hello.value;
  const state = connection.value;
  if (state === "no token") return <NoToken />;
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={(event) => skip(event)}>
        Skip to the page
      </a>
      <Rail said={said} />
      <main id="main" tabIndex={-1}>
        {typeof state === "object" ? <Failure failed={state} /> : null}
        {said === undefined ? <h1 tabIndex={-1}>Drayage</h1> : <Shown said={said} />}
      </main>
    </div>
  );
}

/** The address after # is the page's own: a jump within it is made by hand. */
function skip(event: MouseEvent): void {
  event.preventDefault();
  document.querySelector<HTMLElement>("#main")?.focus();
}

function Shown({ said }: { said: Hello }) {
  const { service, page } = route.value;
  const named = service === undefined ? undefined : said.services[service];
  document.title = named === undefined ? "Drayage" : `${TITLES[page]} · ${named.service} · Drayage`;
  if (named === undefined || service === undefined) return <Overview said={said} />;
  const Body = pages.value?.[page];
  return (
    <>
      <div class="head">
        <h1 tabIndex={-1}>{named.service}</h1>
        <p>
          {named.target} · {named.places.length === 1 ? named.places[0]?.name : `${named.places.length} places`} ·{" "}
          {named.file}
        </p>
      </div>
      <nav class="tabs" aria-label={named.service}>
        {PAGES.map((each) => (
          <a key={each} href={linkTo(service, each)} aria-current={each === page ? "page" : undefined}>
            {TITLES[each]}
          </a>
        ))}
      </nav>
      {Body === undefined ? (
        <Waiting what="The page is being fetched" lines={6} />
      ) : (
        <Body key={`${service} ${page}`} at={service} named={named} mayChange={said.mayChange} />
      )}
    </>
  );
}

function Rail({ said }: { said: Hello | undefined }) {
  const { service } = route.value;
  return (
    <header class="rail">
      <a class="brand" href="#/">
        <svg
          width="22"
          height="22"
          viewBox="0 0 24 24"
          fill="none"
          stroke="currentColor"
          stroke-width="2"
          aria-hidden="true"
        >
          <path d="M2 7h11v9H2zM13 10h4l4 4v2h-8" stroke-linejoin="round" />
          <circle cx="6.5" cy="17.5" r="2" fill="var(--panel)" />
          <circle cx="17" cy="17.5" r="2" fill="var(--panel)" />
        </svg>
        Drayage
      </a>
      <nav aria-label="Console">
        <a class="item" href="#/" aria-current={service === undefined ? "page" : undefined}>
          Overview
        </a>
      </nav>
      <nav aria-label="Services">
        <h2>Services</h2>
        {(said?.services ?? []).map((each, index) => (
          <a key={index} class="item" href={linkTo(index)} aria-current={service === index ? "true" : undefined}>
            {each.service}
          </a>
        ))}
      </nav>
      <div class="foot">
        <span>{said?.mayChange === true ? "Changes are allowed" : "Read-only"}</span>
        <span>{said === undefined ? "" : `dray ${said.version}`}</span>
      </div>
    </header>
  );
}

function NoToken() {
  return (
    <main>
      <h1 tabIndex={-1}>This page has no token</h1>
      <p>
        The token is in the address that <code>dray console</code> printed, and a page that is loaded again has
        forgotten it. Open that address once more.
      </p>
    </main>
  );
}

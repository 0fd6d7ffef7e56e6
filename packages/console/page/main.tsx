import { render } from "preact";
import { App } from "./app.tsx";
import { call, callOnce, failedOf, hasToken, takeToken } from "./call.ts";
import { loadPages } from "./pages.ts";
import { connection, hello } from "./state.ts";
import type { Hello } from "./types.ts";

takeToken();
if (hasToken()) void begin();
else connection.value = "no token";
// The first words stand in the page itself. They are replaced in a turn of its own, after the script was taken in.
setTimeout(() => {
  const app = document.querySelector("#app");
  app?.replaceChildren();
  if (app !== null) render(<App />, app);
});

async function begin(): Promise<void> {
  try {
    hello.value = await callOnce<Hello>("hello", {});
    await loadPages();
    await listen();
  } catch (error) {
    connection.value = failedOf(error);
  }
}

const AGAIN_MS = 1000;

/** Holds a stream open for as long as the page is: so the console knows that it is used, and the page that there is one. */
async function listen(): Promise<void> {
  for (;;) {
    await call("pulse", {}, () => {
      if (connection.value !== "open") connection.value = "open";
    });
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

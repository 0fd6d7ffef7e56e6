import { render } from "preact";
import { App } from "./app.tsx";
import { call, callOnce, failedOf, hasToken, takeToken } from "./call.ts";
import { connection, hello } from "./state.ts";
import type { Hello } from "./types.ts";

takeToken();
const app = document.querySelector("#app");
// The first words stand in the page itself, for as long as its script is on its way.
app?.replaceChildren();
if (app !== null) render(<App />, app);
if (hasToken()) void begin();
else connection.value = "no token";

async function begin(): Promise<void> {
  try {
    hello.value = await callOnce<Hello>("hello", {});
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

import { expect, test } from "vitest";
import { choosePort, type Ports } from "./port.ts";

const management = { port: 8081, says: "http" } as const;
const api = { port: 8080, says: "http" } as const;
const base: Ports = { found: [], documented: [], golden: false, settled: true, late: false };

test.each<[string, Partial<Ports>, ReturnType<typeof choosePort>]>([
  [
    "the one that answers the golden request",
    { golden: true, found: [management, { port: 8080, says: "golden" }] },
    8080,
  ],
  [
    "not yet: one that may answer the golden request is still to open",
    { golden: true, found: [management] },
    undefined,
  ],
  ["not yet: a documented one is still shut", { documented: [8080, 8081], found: [management] }, undefined],
  [
    "to be asked for: the documented one never opened",
    { documented: [8080, 8081], found: [management], late: true },
    [8081, 8080],
  ],
  ["to be asked for: two speak HTTP", { documented: [8080, 8081], found: [api, management] }, [8080, 8081]],
  [
    "the documented one that speaks HTTP",
    { documented: [8080, 9000], found: [api, { port: 9000, says: "nothing" }] },
    8080,
  ],
  ["the documented one, whatever else is open", { documented: [8080], found: [api, management] }, 8080],
  ["the only one that opens", { found: [api] }, 8080],
  ["the only one that speaks HTTP", { found: [{ port: 5555, says: "nothing" }, api] }, 8080],
  ["the only one, though nobody knows what it speaks", { found: [{ port: 50051, says: "nothing" }] }, 50051],
  ["not yet: another may open in a moment", { found: [api], settled: false }, undefined],
  [
    "to be asked for: neither speaks HTTP",
    {
      found: [
        { port: 1, says: "nothing" },
        { port: 2, says: "nothing" },
      ],
    },
    [1, 2],
  ],
  ["none", { late: true }, undefined],
])("the port is %s", (_name, ports, port) => {
  expect(choosePort({ ...base, ...ports })).toEqual(port);
});

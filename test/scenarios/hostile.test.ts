import { expect, test } from "vitest";
import { revokedKinds } from "../world/hostile-doors.ts";
import { Siege } from "../world/siege.ts";
import { startVm } from "../world/vm.ts";

const EACH = 120;
const CLEAN = { through: 0, crashed: 0, planted: 0, keeperRestarts: 0, edgeRestarts: 0, problems: [] };

// It is thousands of connections: beside much else on two cores they have taken two and a half minutes.
const OPTIONS = { timeout: 300_000 };

test(
  "thousands of hostile inputs of every kind: none gets through, none ends anything; revoked, nobody gets in",
  OPTIONS,
  async () => {
    await using vm = await startVm();
    await using siege = await Siege.lay(vm);
    const kinds = siege.kinds();
    const found = await siege.storm(EACH * Object.keys(kinds).length, kinds);
    await siege.stillGood(found);
    expect(found).toMatchObject(CLEAN);
    expect(found.kinds).toMatchObject(Object.fromEntries(Object.keys(kinds).map((kind) => [kind, EACH])));
    expect(Object.values(found.kinds).filter((count) => count !== EACH)).toEqual([]);
    // The alarm itself works: what does reach a release without a key is counted.
    const script = "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/decisions', data=b'{}')";
    expect(await siege.uninvited()).toBe(0);
    await siege.dray("exec", "--", "python3", "-c", script);
    await expect.poll(() => siege.uninvited()).toBe(1);
    await siege.dray("keys", "revoke", "partners");
    expect(await siege.storm(EACH, revokedKinds(siege.doors), false)).toMatchObject(CLEAN);
  },
);

import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startLoad } from "../world/load.ts";
import { layOlderMachine } from "../world/older.ts";
import { startVm, type Vm } from "../world/vm.ts";

/** Every container of ours with the networks that it is in. */
async function networks(vm: Vm): Promise<Record<string, string[]>> {
  const format = "{{.Name}} {{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}";
  const said = await vm.inside("sh", "-c", `docker inspect -f '${format}' $(docker ps -aq)`);
  return Object.fromEntries(
    said.split("\n").map((line) => {
      const [name = "", ...all] = line.trim().split(" ");
      return [name.slice(1), all];
    }),
  );
}

test(
  "the first deploy moves a machine that an older dray set up, both services, and no request is lost",
  {
    timeout: 400_000,
  },
  async () => {
    await using vm = await startVm();
    await layOlderMachine(vm);
    const manifest = (name: string): Promise<void> =>
      vm.write(
        `${name}.yaml`,
        `service: ${name}\nmachine: ${vm.host}\nimage: ${appImage("1")}\nprefix: /${name}\nready: /health\ntls: off\nenv: {POLITE: "1"}\n`,
      );
    await Promise.all(["loans", "cards"].map(manifest));
    const answers = (): Promise<number[]> =>
      Promise.all(["loans", "cards"].map(async (name) => (await fetch(`http://${vm.address}/${name}/`)).status));
    await expect.poll(answers).toEqual([200, 200]);

    const loads = ["loans", "cards"].map((name) => startLoad(`http://${vm.address}/${name}/`, 50));
    const ended = await vm.dray("deploy", "--file", "loans.yaml", "-y");
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stderr).toContain("cards, loans: out of the network of all services");
    expect(ended.stderr).not.toContain("stays in the network of all services");
    // The last of them goes when nobody uses its old address any more.
    const left = async (): Promise<string[]> =>
      Object.entries(await networks(vm)).flatMap(([name, all]) =>
        all.includes("dray") && !/^dray-(edge|keeper)$/.test(name) ? [name] : [],
      );
    await expect.poll(left, { timeout: 200_000, interval: 1000 }).toEqual([]);
    for (const load of loads) expect(await load.stop()).toMatchObject({ failed: 0 });
    expect((await networks(vm))["dray-cards-1iqtec29-1"]).toEqual(["dray.cards.metadata"]);

    // Secrets have left the volume that the edge has, and are open where they were.
    const volumes = "/var/lib/docker/volumes";
    expect(await vm.inside("ls", `${volumes}/dray-edge/_data`)).not.toContain("secrets");
    expect(await vm.inside("ls", `${volumes}/dray-keeper/_data`)).toContain("secrets.key");
    expect(await vm.inside("cat", `${volumes}/dray-secrets-cards/_data/TOKEN`)).toBe("planted-1");

    // What was stopped was moved, too: it is where a rollback finds it, also after everything was started again.
    await vm.inside("sh", "-c", "docker restart -t 1 dray-cards-1iqtec29-1 dray-edge >/dev/null");
    await expect.poll(answers).toEqual([200, 200]);
    for (const name of ["loans", "cards"]) {
      const back = await vm.dray("rollback", "--file", `${name}.yaml`, "-y");
      expect(back.code, back.stderr).toBe(0);
    }
    expect(await answers()).toEqual([200, 200]);
  },
);

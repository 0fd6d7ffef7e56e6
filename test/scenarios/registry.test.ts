import { writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { appImage, must, prepareRegistry, REGISTRY_IMAGE } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

const REGISTRY = "127.0.0.1:5000";
/** The one that the registry takes (images/registry.Dockerfile). */
const TOKEN = "token-of-the-hour";

/** A registry with a login that only the VM reaches, and the API's image in it; this computer's engine has no such name. */
async function startRegistry(vm: Vm): Promise<AsyncDisposable> {
  const name = `${vm.host}-registry`;
  await prepareRegistry();
  await must(["docker", "run", "-d", "--name", name, "--network", `container:${vm.host}`, REGISTRY_IMAGE]);
  const image = `${REGISTRY}/models/decisions:1`;
  await must(["sh", "-c", `docker save ${appImage("1")} | docker exec -i ${vm.host} docker load`]);
  const login = `echo ${TOKEN} | docker --config /tmp/by-hand login -u oauth2accesstoken --password-stdin ${REGISTRY}`;
  await vm.inside("sh", "-c", `until ${login}; do sleep 0.2; done 2>/dev/null`);
  await vm.inside("sh", "-c", `docker tag ${appImage("1")} ${image} && docker --config /tmp/by-hand push -q ${image}`);
  await vm.inside("sh", "-c", `rm -r /tmp/by-hand; docker rmi -f $(docker images -q)`);
  return { [Symbol.asyncDispose]: async () => void (await must(["docker", "rm", "-f", "-v", name])) };
}

const config = (password: string): string =>
  JSON.stringify({ auths: { [REGISTRY]: { auth: Buffer.from(`oauth2accesstoken:${password}`).toString("base64") } } });

test("the machine pulls by digest with this computer's login, which stays nowhere; each refusal is named", async () => {
  await using vm = await startVm("bookworm", "ops", { fresh: true });
  await using _registry = await startRegistry(vm);
  const write = (tag: string): Promise<void> =>
    vm.write(
      "dray.yaml",
      `service: decisions\nmachine: ${vm.host}\nimage: ${REGISTRY}/models/${tag}\nready: /health\n`,
    );
  const deploy = (): ReturnType<Vm["drayWith"]> => vm.drayWith({ DOCKER_CONFIG: vm.folder }, "deploy");
  await write("decisions:1");
  const stranger = await deploy();
  expect(stranger.stderr).toMatch(/\[registry\.unauthorized\].* wants a login/);
  expect(stranger.stderr).toContain(`docker login ${REGISTRY}`);

  await writeFile(path.join(vm.folder, "config.json"), config("token-of-an-hour-ago"));
  const late = await deploy();
  expect(late.stderr).toMatch(/\[registry\.unauthorized\].* does not take the login from .*config\.json/);
  expect(late.stdout + late.stderr).not.toContain("token-of-an-hour-ago");

  await writeFile(path.join(vm.folder, "config.json"), config(TOKEN));
  await write("decisions:none-such");
  expect((await deploy()).stderr).toMatch(/\[image\.not-found\].*none-such/);

  await write("decisions:1");
  const good = await deploy();
  expect(good.code, good.stderr).toBe(0);
  expect(good.stderr).toContain("pull the image");
  const answer = await fetch(`http://${vm.address}/decisions`, { method: "POST", body: "{}" });
  expect(answer.ok).toBe(true);
  // Under the release's own name only: it goes when the release goes.
  const names = await vm.inside("docker", "images", "--digests", "--format", "{{.Repository}} {{.Digest}}");
  expect(names).not.toContain(`${REGISTRY}/models`);
  expect(good.stdout + good.stderr).not.toContain(TOKEN);
  const planted = await vm.inside(
    "sh",
    "-c",
    `grep -rlsE '${TOKEN}|${Buffer.from(`oauth2accesstoken:${TOKEN}`).toString("base64")}' /root /home /etc /tmp /var/log /var/lib/docker/containers /var/lib/docker/volumes || true`,
  );
  expect(planted).toBe("");
});

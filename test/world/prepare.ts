import { appImage, must, prepareImages, prepareVm } from "./images.ts";
import { hasSeed, makeSeed, seedVolumes } from "./seed.ts";
import { sayOf, sweep } from "./sweep.ts";
import { startVm } from "./vm.ts";

/** Deploys to a machine that has nothing, and keeps what its engine then has: the other stand-ins begin with it. */
async function prepareSeed(): Promise<void> {
  if (await hasSeed()) return;
  process.stderr.write("making what a stand-in's engine begins with\n");
  await using vm = await startVm("bookworm", "ops", { fresh: true });
  // Every version of the API differs from this one in its last layer.
  const ended = await vm.dray("deploy", appImage("wrong-golden"), "--machine", vm.host, "--service", "seed");
  if (ended.code !== 0) throw new Error(ended.stderr);
  const clear = [
    "docker rm -f -v $(docker ps -aq)",
    "docker volume rm $(docker volume ls -q)",
    "docker network prune -f",
    'for image in $(docker images -q dray/seed); do docker tag "$image" layers:seed; done',
    'for name in $(docker images --format "{{.Repository}}:{{.Tag}}" dray/seed); do docker rmi --no-prune "$name"; done',
  ];
  await vm.inside("bash", "-ec", clear.join("\n"));
  await must(["docker", "stop", vm.host]);
  await makeSeed(vm.host);
}

/** A run that was killed could not take away what it had made: the next one does. */
async function cleanUp(): Promise<void> {
  const seeds = await seedVolumes();
  const said = sayOf(await sweep((volume) => seeds.has(volume)));
  if (said !== undefined) process.stderr.write(`${said}\n`);
}

await cleanUp();
// The demo is one machine; somebody new waits for no more than that.
if (process.argv[2] === "demo") await prepareVm();
else {
  await prepareImages();
  await prepareSeed();
}

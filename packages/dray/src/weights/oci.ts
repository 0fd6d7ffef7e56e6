import { artifactFiles } from "../oci/artifact.ts";
import { findLogin } from "../oci/login.ts";
import { noFiles } from "./ask-json.ts";
import { isWanted, nameContent, type Pinned, type WeightsAsked, type WeightsSource } from "./source.ts";

/** An artifact of files in a registry, with this computer's login for it. */
export const oci: WeightsSource = {
  schemes: ["oci"],
  pin: async (asked) => await Promise.resolve(pin(asked)),
};

function pin(asked: WeightsAsked): Pinned {
  const { from, only } = asked;
  const reference = from.slice("oci://".length);
  return {
    ...nameContent(asked, ["oci", reference]),
    from,
    open: async (signal) => {
      const files = (await artifactFiles(reference, findLogin, signal)).filter(({ path }) => isWanted(path, only));
      if (files.length === 0) throw noFiles(from);
      return files;
    },
  };
}

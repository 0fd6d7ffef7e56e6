import * as z from "zod";
import { machine, name } from "./parts.ts";

/** A name for a machine of a list: its own part of `user@host`, in the letters that names have. */
function nameOf(host: string): string {
  const own = host.replace(/^ssh:\/\//, "").replace(/^[^@]*@/, "");
  const plain = own.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return (/^[a-z]/.test(plain) ? plain : `vm-${plain}`).slice(0, 40).replaceAll(/^-+|-+$/g, "");
}

/** Machines by name. A list is enough where ssh knows them by names: for a class, one machine of each participant. */
export const machinesKey = z.union([
  z.record(name, machine),
  z.array(machine).transform((hosts, context) => {
    const named: Record<string, string> = {};
    for (const [index, host] of hosts.entries()) {
      const called = nameOf(host);
      if (named[called] === undefined) named[called] = host;
      else
        context.addIssue({
          code: "custom",
          path: [index],
          message: `this is called ${called}, as ${named[called]} is; give them names: {one: ${named[called]}, two: ${host}}`,
        });
    }
    return named;
  }),
]);

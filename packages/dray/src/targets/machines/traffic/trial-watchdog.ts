import { ADMIN, alone, file } from "../../../edge/script.ts";
import { backendName, HOME, type Kept, serversOf } from "../../../edge/state.ts";
import { EDGE } from "../../../edge/edge.ts";
import { lockOf } from "../plan/lock.ts";
import { edgeOf, type Site } from "../plan/observe.ts";

/**
 * Starts a watch in the edge's container over a release on trial: when nobody holds the service's lock any more (whoever
 * judged the release was killed, or lost the link), the release gets no further traffic. It ends with the trial.
 */
export async function guard(site: Site, service: string, kept: Kept, signal: AbortSignal): Promise<void> {
  const { engine } = site.machine;
  const name = `guard-${service}.sh`;
  // In the volume, so that an edge that is started again goes on watching.
  await edgeOf(site).run(file(name, script(service, kept)));
  const { Id } = await engine.post<{ Id: string }>(`/containers/${EDGE}/exec`, {
    signal,
    body: { Cmd: ["bash", `${HOME}/${name}`] },
  });
  await engine.post(`/exec/${Id}/start`, { body: { Detach: true, Tty: false }, signal });
}

const EVERY_S = 2;

/** The edge's image has bash and no sed: texts of ours are changed by bash itself. */
function script(service: string, kept: Kept): string {
  const { id } = kept.release;
  const servers = serversOf(kept);
  const mark = `"candidate":{"release":"${id}","share":`;
  const weightless = servers.map(({ name }) => `admin 'set server ${backendName(service)}/${name} weight 0'`);
  return `${ADMIN}
    unwatched() { until=0; read -r until < ${lockOf(service)}/expires; [ "\${until:-0}" -le $EPOCHSECONDS ]; }
    on_trial() { read -r state < ${HOME}/state.json; [[ $state == *'${mark}'[1-9]* ]]; }
    exec 2>/dev/null
    while on_trial; do
      if unwatched; then
        ${alone([
          "if on_trial && unwatched; then",
          `[[ $state =~ ^\\{\\"v\\":1,\\"rev\\":([0-9]+), ]] && rev=\${BASH_REMATCH[1]}`,
          `state=\${state/#'{"v":1,"rev":'$rev/'{"v":1,"rev":'$((rev + 1))}`,
          `rest=\${state#*'${mark}'}; share=\${rest%%[!0-9]*}`,
          `state=\${state/'${mark}'$share/'${mark}'0}`,
          `while IFS= read -r line; do case $line in ${servers.map(({ name }) => `"  server ${name} "*`).join("|")}) line="\${line% weight *} weight 0";; esac; printf '%s\\n' "$line"; done < ${HOME}/haproxy.cfg > ${HOME}/haproxy.cfg.guard`,
          `printf '%s\\n' "$state" > ${HOME}/state.json.guard`,
          `printf '%s\\n' '{"service":"${service}","release":"${id}","unwatched":true}' >> ${HOME}/audit.jsonl`,
          `mv -f ${HOME}/haproxy.cfg.guard ${HOME}/haproxy.cfg; mv -f ${HOME}/state.json.guard ${HOME}/state.json`,
          ...weightless,
          "fi",
        ]).join("\n")}
      fi
      sleep ${EVERY_S}
    done
    rm -f "$0"`;
}

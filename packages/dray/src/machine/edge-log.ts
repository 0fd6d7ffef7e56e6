import { HOME } from "./edge-state.ts";

const FOLDER = `${HOME}/logs`;

/** Lines of bash that print the last `tail` lines of the access log, oldest first; the keeper keeps five files of it. */
export function lastLines(tail: number | "all"): string {
  const files = [4, 3, 2, 1].map((index) => `${FOLDER}/access.log.${index}`);
  const all = `cat ${[...files, `${FOLDER}/access.log`].join(" ")} 2>/dev/null`;
  if (tail === "all") return all;
  return `mapfile -t lines < <(${all}); first=$(( \${#lines[@]} > ${tail} ? \${#lines[@]} - ${tail} : 0 )); for line in "\${lines[@]:$first}"; do printf '%s\\n' "$line"; done`;
}

/**
 * A bash script that prints what comes to the access log from now on, over the turn of its files. It ends with its
 * stdin: the engine ends no program because the one who started it has gone.
 */
export const FOLLOW: string = `log=${FOLDER}/access.log
pause() { read -rt 0.1; [ $? != 1 ] || exit 0; }
until exec 3<$log; do pause; done 2>/dev/null
cat <&3 >/dev/null
while :; do
  cat <&3
  if [ ! $log -ef /proc/self/fd/3 ] && [ -f $log ]; then cat <&3; exec 3<$log; else pause; fi
done`;

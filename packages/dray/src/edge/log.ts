import { HOME } from "./state.ts";

const FOLDER = `${HOME}/logs`;

/**
 * Lines of bash that print the last `tail` lines of the access log, oldest first; the keeper keeps five files of it.
 * The edge's image may have no `tail`; and bash takes what comes through a pipe byte by byte, but a file in blocks.
 */
export function lastLines(tail: number | "all"): string {
  const files = ["", ".1", ".2", ".3", ".4"].map((end) => `${FOLDER}/access.log${end}`);
  if (tail === "all") return `cat ${files.toReversed().join(" ")} 2>/dev/null || :`;
  return `last=()
for file in ${files.join(" ")}; do
  left=$((${tail} - \${#last[@]}))
  [ $left -gt 0 ] && mapfile -t lines < $file || continue
  last=("\${lines[@]:\${#lines[@]} > left ? -left : 0}" "\${last[@]}")
done 2>/dev/null
[ \${#last[@]} = 0 ] || printf '%s\\n' "\${last[@]}"`;
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

import type { Command } from "commander";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** A command and its flags; `name` is the whole of it: `keys add`. */
interface Entry {
  name: string;
  says: string;
  flags: { long: string; short: string | undefined; says: string }[];
  commands: Entry[];
}

/** A script that completes the program's commands and flags; files are completed where it knows nothing. */
export function completionScript(program: Command, shell: Shell): string {
  const entries = entriesOf(program, "");
  return shell === "fish" ? fishScript(entries) : posixScript(entries, shell);
}

function entriesOf(command: Command, before: string): Entry[] {
  const shown = command.createHelp().visibleCommands(command);
  return shown
    .filter((each) => each.name() !== "help")
    .map((each) => {
      const name = `${before} ${each.name()}`.trim();
      const flags = each
        .createHelp()
        .visibleOptions(each)
        .map(({ long, short, description }) => ({ long: long ?? "", short, says: description }));
      return { name, says: each.description(), flags, commands: entriesOf(each, name) };
    });
}

const everything = (entries: readonly Entry[]): Entry[] =>
  entries.flatMap((each) => [each, ...everything(each.commands)]);
const lastWord = (name: string): string => name.split(" ").at(-1) ?? name;
const wordsOf = ({ commands, flags }: Pick<Entry, "commands" | "flags">): string =>
  [...commands.map(({ name }) => lastWord(name)), ...flags.map(({ long }) => long)].join(" ");

/** bash and zsh: a table of the words that may follow a command, and how each shell is told them. */
function posixScript(entries: readonly Entry[], shell: "bash" | "zsh"): string {
  const top = wordsOf({ commands: [...entries], flags: [] });
  const rows = [
    `    "") known="${top} help --help --version" ;;`,
    ...everything(entries).map((each) => `    "${each.name}") known="${wordsOf(each)}" ;;`),
  ];
  const table = `_dray_known() {\n  case "$1" in\n${rows.join("\n")}\n    *) known="" ;;\n  esac\n}`;
  return `${shell === "bash" ? BASH[0] : ZSH[0]}${table}\n${shell === "bash" ? BASH[1] : ZSH[1]}`;
}

const BASH = [
  "# dray completion bash > ~/.local/share/bash-completion/completions/dray\n",
  `_dray() {
  local known="" current="\${COMP_WORDS[COMP_CWORD]}" name=""
  if [ "$COMP_CWORD" -gt 1 ]; then name="\${COMP_WORDS[1]}"; fi
  if [ "$COMP_CWORD" -gt 2 ]; then
    _dray_known "$name \${COMP_WORDS[2]}"
    if [ -n "$known" ]; then name="$name \${COMP_WORDS[2]}"; fi
  fi
  _dray_known "$name"
  mapfile -t COMPREPLY < <(compgen -W "$known" -- "$current")
}
complete -o default -F _dray dray
`,
] as const;

const ZSH = [
  "#compdef dray\n# dray completion zsh > a folder of $fpath, as _dray\n",
  `_dray() {
  local known="" name=""
  if (( CURRENT > 2 )); then name="\${words[2]}"; fi
  if (( CURRENT > 3 )); then
    _dray_known "$name \${words[3]}"
    if [[ -n "$known" ]]; then name="$name \${words[3]}"; fi
  fi
  _dray_known "$name"
  compadd -- \${=known} || _files
}
compdef _dray dray
`,
] as const;

function fishScript(entries: readonly Entry[]): string {
  const lines = [
    "# dray completion fish > ~/.config/fish/completions/dray.fish",
    ...entries.map(({ name, says }) => `complete -c dray -n __fish_use_subcommand -f -a ${name}${described(says)}`),
    ...everything(entries).flatMap(fishEntry),
  ];
  return `${lines.join("\n")}\n`;
}

function fishEntry({ name, flags, commands }: Entry): string[] {
  const seen = name.split(" ").map((word) => `__fish_seen_subcommand_from ${word}`);
  const when = `-n '${seen.join("; and ")}'`;
  return [
    ...commands.map((each) => `complete -c dray ${when} -f -a ${lastWord(each.name)}${described(each.says)}`),
    ...flags.map(({ long, short, says }) => {
      const flag = `-l ${long.replace(/^--/, "")}${short === undefined ? "" : ` -s ${short.replace("-", "")}`}`;
      return `complete -c dray ${when} ${flag}${described(says)}`;
    }),
  ];
}

const described = (says: string): string => (says === "" ? "" : ` -d '${says.replaceAll(/['\\]/g, "\\$&")}'`);

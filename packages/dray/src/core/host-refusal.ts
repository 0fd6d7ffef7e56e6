/** The parts of an answer that tell whether a name was refused. */
interface Said {
  status?: number;
  body?: string;
}

/** The setting of a framework that lists the names an API answers to. */
export interface HostRefusal {
  framework: string;
  /** An edit that adds the name. */
  setting: (name: string) => string;
}

const STATUSES: ReadonlySet<number> = new Set([400, 403]);

/** Most frameworks compare the name without its port; MLflow with it. */
const bare = (name: string): string => name.replace(/:\d+$/, "");

/** How frameworks refuse a Host that they were not told of. MLflow's words begin as Starlette's do. */
const KNOWN: readonly (HostRefusal & { status: number; says: RegExp })[] = [
  {
    framework: "MLflow",
    status: 403,
    says: /^invalid host header - possible dns rebinding/i,
    setting: (name) => `mlflow server --allowed-hosts ${name},localhost:* (or MLFLOW_SERVER_ALLOWED_HOSTS)`,
  },
  {
    framework: "Starlette",
    status: 400,
    says: /^invalid host header/i,
    setting: (name) => `TrustedHostMiddleware: allowed_hosts=["${bare(name)}"]`,
  },
  {
    framework: "Django",
    status: 400,
    says: /Invalid HTTP_HOST header|DisallowedHost/,
    setting: (name) => `settings.py: ALLOWED_HOSTS = ["${bare(name)}"]`,
  },
  {
    framework: "Rails",
    status: 403,
    says: /Blocked hosts?: /,
    setting: (name) => `config/environments/production.rb: config.hosts << "${bare(name)}"`,
  },
];

const ANY: HostRefusal = {
  framework: "its framework",
  setting: (name) =>
    `allow ${bare(name)} in the API's own settings (Django: ALLOWED_HOSTS; Starlette and FastAPI: TrustedHostMiddleware; Rails: config.hosts; MLflow: --allowed-hosts)`,
};

/**
 * Whether an API refused the name it was called by, and where that is set. An answer tells it in its framework's words;
 * else the same request by the name `localhost` does, which is answered.
 */
export function hostRefusal(answer: Said | undefined, asLocalhost?: Said): HostRefusal | undefined {
  const { status = 0, body = "" } = answer ?? {};
  if (!STATUSES.has(status)) return undefined;
  const known = KNOWN.find((each) => each.status === status && each.says.test(body.trim()));
  if (known !== undefined) return known;
  return asLocalhost?.status !== undefined && asLocalhost.status < 400 ? ANY : undefined;
}

// The order in which the site's pages are read. `test/scenarios/site.test.ts` holds that none is left out.

/** Sections with their pages, each by its path in the repository and the words that lead to it. */
export const SECTIONS = [
  [
    "Your first deploy",
    [
      ["README.md", "In a minute"],
      ["docs/install.md", "Install"],
      ["docs/first-deploy.md", "To a machine"],
      ["docs/google-cloud.md", "To Google's cloud"],
      ["docs/kubernetes.md", "To a cluster"],
    ],
  ],
  ["How it works", [["docs/how-a-deploy-works.md", "A deploy"]]],
  ["Concepts", [["docs/glossary.md", "Words"]]],
  [
    "Guides",
    [
      ["docs/from-a-model-file.md", "From a model file"],
      ["docs/llm.md", "Language models"],
      ["docs/grpc.md", "gRPC"],
      ["docs/weights.md", "Weights"],
      ["docs/guides/https.md", "HTTPS"],
      ["docs/guides/keys.md", "Keys"],
      ["docs/guides/secrets.md", "Secrets"],
      ["docs/releases.md", "Golden requests and canary"],
      ["docs/guides/metrics.md", "Metrics"],
      ["docs/guides/alerts.md", "Alerts"],
      ["docs/traces.md", "Traces"],
      ["docs/production.md", "In production"],
      ["docs/environments.md", "Staging and production"],
      ["docs/ci.md", "From CI"],
      ["docs/console.md", "A page to look at"],
      ["docs/guides/from-docker-run.md", "From docker run"],
      ["docs/guides/from-kamal.md", "From Kamal"],
    ],
  ],
  [
    "Reference",
    [
      ["docs/manifest.md", "dray.yaml"],
      ["docs/cli.md", "Commands"],
      ["docs/failures.md", "Failures"],
      ["docs/models.md", "Models"],
      ["docs/containers.md", "Containers"],
      ["docs/library.md", "Library"],
      ["docs/measurements.md", "Measurements"],
      ["ARCHITECTURE.md", "Architecture"],
    ],
  ],
  [
    "Why can't I reach it",
    [
      ["docs/trace.md", "dray trace"],
      ["docs/why-cant-i-reach-it.md", "Every fault"],
    ],
  ],
  ["Security model", [["docs/security.md", "What is kept from whom"]]],
  ["Limits", [["docs/limits.md", "What it does not do"]]],
  ["Po polsku", [["docs/pl/README.md", "Krok po kroku"]]],
];

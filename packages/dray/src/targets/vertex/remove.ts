import { undeployAll } from "./plan.ts";
import { Failure } from "../../base/failure.ts";
import type { Report } from "../../core/report.ts";
import type { Prepared } from "../../core/prepared.ts";
import { Vertex } from "./client.ts";
import type { Context } from "../../core/context.ts";
import type { VertexStep, Seen } from "./plan.ts";
import type { Plan } from "../../core/plan.ts";
/** Carries a plan out whose steps need nothing but the resources that they name. */
type Performed = (plan: Plan<VertexStep>, context: Context) => Promise<void>;

/** Takes everything of a service away, in an order in which nothing is left that is paid for. @throws Failure service.unknown */
export function prepareRemoval(client: Vertex, service: string, found: Seen, performed: Performed): Prepared<Report> {
  const { endpoint, models } = found;
  const on = client.region;
  if (endpoint === undefined && models.length === 0) {
    throw new Failure("service.unknown", `there is nothing of ${service} on Vertex AI in ${on}`, {
      hint: "dray deploy --target vertex starts it",
    });
  }
  const undeploy = undeployAll(on, endpoint?.deployedModels ?? [], undefined, "removed");
  const [model] = models;
  const gone = (name: string, title: string): VertexStep => ({ kind: "delete", on, title, name });
  const stages = [
    ...undeploy.map((step) => ({ title: "undeploy", steps: [step], onFailure: "stop" as const })),
    {
      title: "endpoint",
      steps: endpoint === undefined ? [] : [gone(endpoint.name, "delete the endpoint")],
      onFailure: "stop" as const,
    },
    {
      title: "model",
      steps: model === undefined ? [] : [gone(model.name, `delete the model and its ${models.length} releases`)],
      onFailure: "stop" as const,
    },
  ].filter(({ steps }) => steps.length > 0);
  const plan = { service, release: "", stages, changes: [{ what: service, before: `Vertex AI, ${on}` }] };
  return {
    plan,
    perform: async (context) => {
      await performed(plan, context);
      const done = stages.flatMap(({ steps }) => steps.map(({ title }) => title));
      const costs = ["its images are still in the registry, and cost a little there"];
      return { data: { machine: on, done, costs }, text: [...done, ...costs] };
    },
  };
}

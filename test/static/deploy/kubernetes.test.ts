/** The manifests are what Kubernetes takes, fit each other, and say nothing that the service does not know. */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
import { Deployment } from "kubernetes-models/apps/v1";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2";
import { Job } from "kubernetes-models/batch/v1";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1";
import { ConfigMap, Namespace, Service, ServiceAccount } from "kubernetes-models/v1";
import { expect, test } from "vitest";
import { readConfig, variables } from "../../../src/config.ts";
import { findProgram } from "../../../src/demo/observe/program.ts";
import {
  base,
  kustomization,
  type Manifest,
  manifest,
  manifests,
  manifestsOf,
  overlay,
  podOf,
  read,
  root,
} from "./files.ts";

interface Model {
  validate(): void;
}

const models: Readonly<Record<string, new (data: never) => Model>> = {
  "v1 ConfigMap": ConfigMap,
  "v1 Namespace": Namespace,
  "v1 Service": Service,
  "v1 ServiceAccount": ServiceAccount,
  "apps/v1 Deployment": Deployment,
  "batch/v1 Job": Job,
  "autoscaling/v2 HorizontalPodAutoscaler": HorizontalPodAutoscaler,
  "policy/v1 PodDisruptionBudget": PodDisruptionBudget,
  "networking.k8s.io/v1 NetworkPolicy": NetworkPolicy,
  "monitoring.coreos.com/v1 ServiceMonitor": ServiceMonitor,
};

/**
 * Holds an object against Kubernetes' own schema, or the operator's. Names that they don't know
 * are let pass, as an API server does that only warns.
 */
function validate(object: Manifest): void {
  const Model = models[`${object.apiVersion} ${object.kind}`];
  if (Model === undefined) throw new Error(`There is no ${object.kind} in ${object.apiVersion}.`);
  new Model(object as never).validate();
}

const all = [...manifests(base), ...manifests(overlay)];

test.each(all.map((object) => [`${object.kind} ${object.metadata.name}`, object] as const))(
  "%s is what its schema allows",
  (_, object) => {
    expect(() => validate(object)).not.toThrow();
  },
);

test("what is no manifest is found to be none", () => {
  const pdb = manifest("PodDisruptionBudget");
  expect(() => validate({ ...pdb, spec: { ...pdb.spec, maxUnavailable: { most: 1 } } })).toThrow("maxUnavailable");
  expect(() => validate({ ...pdb, kind: "PodDistributionBudget" })).toThrow("There is no");
});

test("every file of the base and of the overlay is used", () => {
  for (const directory of [base, overlay]) {
    const { resources, patches = [] } = kustomization(directory);
    const used = [...resources, ...patches.map((patch) => patch.path)].filter((file) => file.endsWith(".yaml"));
    const there = readdirSync(path.join(root, directory)).filter((file) => file !== "kustomization.yaml");
    expect(used.toSorted()).toEqual(there.toSorted());
  }
});

test("a patch of the overlay changes an object that the base has", () => {
  for (const patch of kustomization(overlay).patches ?? []) {
    for (const { kind, metadata } of manifestsOf(read(`${overlay}/${patch.path}`))) {
      expect(manifest(kind, metadata.name)).toBeDefined();
    }
  }
});

const kubectl = await findProgram("kubectl");

test.skipIf(kubectl === undefined)("kustomize makes of the overlay what its schemas allow", () => {
  const rendered = execFileSync(kubectl ?? "", ["kustomize", path.join(root, overlay)], { encoding: "utf8" });
  const objects = manifestsOf(rendered);
  for (const object of objects) expect(() => validate(object)).not.toThrow();
  expect(objects.map(({ kind }) => kind)).toContain("Deployment");
  expect(rendered).toContain("registry.example.com/connector-service:");
  expect(rendered).toContain("PUBLIC_URL: https://connectors.example.com");
});

const service = podOf(manifest("Deployment"));
const container = service.containers[0]!;
const config = manifest("ConfigMap").data ?? {};
const patched = manifestsOf(read(`${overlay}/config.yaml`)).flatMap(({ data }) => Object.entries(data ?? {}));

test("the settings are variables that the service knows, with values that it takes", () => {
  const pods = [service, podOf(manifest("Job", "connector-service-migrate"))];
  const named = pods.flatMap(({ containers, initContainers = [] }) =>
    [...containers, ...initContainers].flatMap(({ env = [] }) => env.map(({ name }) => name)),
  );
  const given = { ...config, ...Object.fromEntries(patched) };
  for (const name of [...named, ...Object.keys(given)]) expect(variables).toContain(name);
  const key = "5a".repeat(32);
  const secrets = { DATABASE_URL: "postgres://connector@db/connector", SIGNING_KEY: key, ENCRYPTION_KEYS: `a:${key}` };
  for (const settings of [config, given]) expect(readConfig({ ...settings, ...secrets }).migrates).toBe(false);
});

test("ports, probes and policies are those of the service", () => {
  const { port, metricsPort, host } = readConfig({ ...config, MIGRATE: "on" });
  expect(container.ports).toEqual([
    { name: "calls", containerPort: port },
    { name: "metrics", containerPort: metricsPort },
  ]);
  // Where kubelet and other pods come from is not this machine.
  expect(host).toBe("0.0.0.0");
  expect(container.startupProbe?.grpc).toEqual({ port });
  expect(container.readinessProbe?.grpc).toEqual({ port });
  expect(container.livenessProbe?.grpc).toEqual({ port, service: "liveness" });
  const { ingress } = manifest("NetworkPolicy").spec as { ingress: { ports: { port: number }[] }[] };
  expect(ingress.flatMap(({ ports }) => ports.map((each) => each.port))).toEqual([port, metricsPort]);
});

test("a pod has time to drain before it is killed", () => {
  const { drainMs, drainDelayMs } = readConfig({ ...config, MIGRATE: "on" });
  const preStop = container.lifecycle?.preStop.sleep.seconds ?? 0;
  const closing = 5;
  expect(preStop).toBeGreaterThanOrEqual(5);
  expect(service.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(
    preStop + (drainMs + drainDelayMs) / 1_000 + closing,
  );
});

test("no pod runs as root, writes to its image, or has a token of the cluster", () => {
  for (const pod of [service, podOf(manifest("Job", "connector-service-migrate"))]) {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    });
    for (const each of [...pod.containers, ...(pod.initContainers ?? [])]) {
      expect(each.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
      expect(each.resources).toMatchObject({ requests: { memory: expect.any(String) }, limits: expect.anything() });
    }
  }
});

test("pods wait for the migration, which needs the database alone", () => {
  const [waiting] = service.initContainers ?? [];
  expect(waiting?.command?.slice(0, 3)).toEqual(["node", "dist/cli/migrate.js", "--wait"]);
  const [job] = podOf(manifest("Job", "connector-service-migrate")).containers;
  expect(job?.command).toEqual(["node", "dist/cli/migrate.js"]);
  expect(job?.env?.map(({ name }) => name)).toEqual(["DATABASE_URL"]);
});

test("pods reach what the service lives on at its usual ports", () => {
  const backing = { namespaceSelector: { matchLabels: { "connector-service/backing": "true" } } };
  const portsOf = (name?: string) => {
    const { egress } = manifest("NetworkPolicy", name).spec as {
      egress: { to: object[]; ports: { port: number }[] }[];
    };
    return egress.filter(({ to }) => isDeepStrictEqual(to, [backing])).flatMap(({ ports }) => ports.map((p) => p.port));
  };
  // PostgreSQL, pgbouncer, Redis, Vault, and a collector that takes OTLP over HTTP.
  expect(portsOf()).toEqual([5432, 6432, 6379, 8200, 4318]);
  expect(portsOf("connector-service-migrate")).toEqual([5432, 6432]);
});

test("pods reach neither the cloud's metadata nor private networks unless a rule names them", () => {
  const { egress } = manifest("NetworkPolicy").spec as {
    egress: { to: { ipBlock?: { cidr: string; except: string[] } }[] }[];
  };
  const blocks = egress.flatMap(({ to }) => to.flatMap(({ ipBlock }) => ipBlock ?? []));
  expect(blocks.map(({ cidr }) => cidr)).toEqual(["0.0.0.0/0", "2000::/3"]);
  for (const range of ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"]) {
    expect(blocks[0]?.except).toContain(range);
  }
});

/** What stands in `deploy/`, and the shapes that the tests read of it. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments } from "yaml";

export const root = fileURLToPath(new URL("../../..", import.meta.url));

export const read = (file: string): string => readFileSync(path.join(root, file), "utf8");

/** The only document of a file. */
export const yaml = <Shape>(file: string): Shape => parse(read(file), { merge: true }) as Shape;

/** One object of Kubernetes. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** @throws Error when the text is no YAML, or uses what YAML 1.2 does not have */
export function manifestsOf(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors.length + document.warnings.length > 0) throw document.errors[0] ?? document.warnings[0];
    return document.toJS() as Manifest;
  });
}

export const base = "deploy/kubernetes/base";
export const overlay = "deploy/kubernetes/overlays/example";

interface Kustomization {
  readonly resources: readonly string[];
  readonly patches?: readonly { readonly path: string }[];
}

export const kustomization = (directory: string) => yaml<Kustomization>(`${directory}/kustomization.yaml`);

/** What a kustomization lists, its own files only. */
export function manifests(directory: string): Manifest[] {
  const own = kustomization(directory).resources.filter((resource) => resource.endsWith(".yaml"));
  return own.flatMap((file) => manifestsOf(read(path.join(directory, file))));
}

export function manifest(kind: string, name = "connector-service"): Manifest {
  const found = manifests(base).find((each) => each.kind === kind && each.metadata.name === name);
  if (found === undefined) throw new Error(`There is no ${kind} ${name}.`);
  return found;
}

/** The parts of a pod that are looked at. */
export interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: object;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
}

interface Container {
  readonly name: string;
  readonly command?: readonly string[];
  readonly env?: readonly { readonly name: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext: object;
  readonly resources: { readonly requests: object; readonly limits: object };
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
}

interface Probe {
  readonly grpc: { readonly port: number; readonly service?: string };
}

export const podOf = ({ spec }: Manifest): PodSpec =>
  (spec as { readonly template: { readonly spec: PodSpec } }).template.spec;

/** Connectors between entity and wire. No credential passes here. */
import { create, type JsonObject } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { invalidRequest } from "../../failure.ts";
import {
  type Connector,
  ConnectorSchema,
  type ConnectorPolicy as WirePolicy,
} from "../../gen/connector/v1/connector_pb.js";
import type { ConnectorPolicy, ConnectorRow } from "../../registry/registry.ts";
import { durationToMs, durationToWire } from "./timings.ts";

export function connectorToWire(row: ConnectorRow): Connector {
  const { credentialUpdateTime } = row;
  return create(ConnectorSchema, {
    id: row.id,
    provider: row.provider,
    name: row.name,
    displayName: row.displayName,
    labels: { ...row.labels },
    config: row.config as JsonObject,
    ...(row.policy === null ? {} : { policy: policyToWire(row.policy) }),
    credential: {
      present: row.credentialVersion > 0,
      version: row.credentialVersion,
      ...(credentialUpdateTime === null ? {} : { updateTime: timestampFromDate(credentialUpdateTime) }),
    },
    disabled: row.disabled,
    etag: etagOf(row.version),
    createTime: timestampFromDate(row.createTime),
    updateTime: timestampFromDate(row.updateTime),
  });
}

export function policyFromWire(policy: WirePolicy | undefined): ConnectorPolicy | null {
  if (policy === undefined) return null;
  const { callsPerSecond, maxConcurrency, observeOnly, defaultTimeout, maxCacheAge, refuseRiskyPrivileges } = policy;
  return {
    ...(callsPerSecond === undefined ? {} : { callsPerSecond }),
    ...(maxConcurrency === undefined ? {} : { maxConcurrency }),
    ...(observeOnly ? { observeOnly } : {}),
    ...(defaultTimeout === undefined ? {} : { defaultTimeoutMs: durationToMs(defaultTimeout) }),
    ...(maxCacheAge === undefined ? {} : { maxCacheAgeMs: durationToMs(maxCacheAge) }),
    ...(refuseRiskyPrivileges ? { refuseRiskyPrivileges } : {}),
  };
}

function policyToWire({
  callsPerSecond,
  maxConcurrency,
  observeOnly,
  defaultTimeoutMs,
  maxCacheAgeMs,
  refuseRiskyPrivileges,
}: ConnectorPolicy) {
  return {
    ...(callsPerSecond === undefined ? {} : { callsPerSecond }),
    ...(maxConcurrency === undefined ? {} : { maxConcurrency }),
    observeOnly: observeOnly ?? false,
    ...(defaultTimeoutMs === undefined ? {} : { defaultTimeout: durationToWire(defaultTimeoutMs) }),
    ...(maxCacheAgeMs === undefined ? {} : { maxCacheAge: durationToWire(maxCacheAgeMs) }),
    refuseRiskyPrivileges: refuseRiskyPrivileges ?? false,
  };
}

function etagOf(version: number): string {
  return `v${version}`;
}

/** @throws Failure of kind `invalid_request` when the service can't have made it */
export function versionFromEtag(etag: string): number | undefined {
  if (etag === "") return undefined;
  const version = /^v([1-9]\d{0,8})$/.exec(etag)?.[1];
  if (version === undefined) {
    throw invalidRequest({ field: "etag", description: "is not one that the service gave; read the connector again" });
  }
  return Number(version);
}

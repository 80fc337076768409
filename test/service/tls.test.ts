/** A source behind TLS, whose certificate the connector trusts or does not. */
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type Certificate, certificateAuthority, selfSignedCertificate } from "../support/certificate.ts";
import { rogueServer } from "../support/service.ts";
import { newConnector, type Overrides } from "./overrides.ts";
import { kinds, type ReaderSource, serviceWithReader, untilBusy } from "./reader.ts";
import { allRows, refusalOf } from "./refusal.ts";
import { failedCheck } from "./report.ts";

const { cert, key } = selfSignedCertificate();
const root = certificateAuthority();
const between = root.authority("between");
const stranger = certificateAuthority("stranger").issue();
const chained = (leaf: Certificate) => ({ cert: leaf.cert + between.cert, key: leaf.key });

const threeRows = { resource: "known" };

describe.each(kinds)("of a source of $id", (kind) => {
  let source: ReaderSource;
  let front: Awaited<ReturnType<typeof rogueServer>>;

  beforeAll(async () => {
    source = await serviceWithReader(kind, kind.slowResources({ known: 3, trickle: 1 }));
    front = await frontWith({ cert, key });
  });
  // A good call still gets its rows, and nothing is left of the others.
  afterEach(async () => {
    expect((await source.client.query(source.connectorId, threeRows)).rows).toHaveLength(3);
    await untilBusy(source, 0);
  });
  afterAll(async () => {
    await front.stop();
    await source.stop();
  });

  /** The server as it is behind a proxy that ends TLS. */
  function frontWith(certificate: Certificate) {
    const port = Number(new URL(source.url).port);
    return rogueServer((socket) => kind.endTls(socket, port, certificate));
  }

  function behindTls(overrides: Overrides): Promise<string> {
    return newConnector(source, { port: front.port, ...overrides });
  }

  describe("a certificate that the connector trusts", () => {
    test.each(["localhost", "127.0.0.1"])("for the host %s lets it read, encrypted", async (host) => {
      const id = await behindTls({ host, tls: "verify_full", ca: cert });
      const { rows } = await source.client.query(id, threeRows);
      expect(rows).toHaveLength(3);
      expect(await allRows(source.client.stream(id, threeRows))).toHaveLength(3);
      expect(await source.client.testConnector(id)).toMatchObject({ ok: true, tls: "TLSv1.3" });
    });

    // An address that leads to the same server, and is not in the certificate.
    const otherName = "::ffff:127.0.0.1";

    test("for another host is good enough where the configuration says so", async () => {
      const id = await behindTls({ host: otherName, tls: "verify_ca", ca: cert });
      expect(await source.client.testConnector(id)).toMatchObject({ ok: true, tls: "TLSv1.3" });
    });

    test("for another host is refused otherwise", async () => {
      const id = await behindTls({ host: otherName, tls: "verify_full", ca: cert });
      await expectTlsFailed(id, /is for another name/, "config.host");
    });
  });

  test.each(["verify_full", "verify_ca"])(
    "a certificate that nobody trusted has signed is refused (%s)",
    async (tls) => {
      const id = await behindTls({ host: "localhost", tls });
      await expectTlsFailed(id, /not signed by an authority that the connector trusts/, "config.ca");
    },
  );

  describe("a chain of authorities", () => {
    test("that the connector trusts at its root lets it read", async () => {
      const good = await frontWith(chained(between.issue()));
      onTestFinished(() => good.stop());
      const id = await behindTls({ host: "localhost", port: good.port, tls: "verify_full", ca: root.cert });
      expect((await source.client.query(id, threeRows)).rows).toHaveLength(3);
    });

    test.each([
      ["of another name", chained(between.issue({ names: ["db.example.com"] })), /is for another name/, "config.host"],
      ["that has expired", chained(between.issue({ years: [2020, 2021] })), /has expired/, "Renew"],
      [
        "whose middle is missing",
        between.issue(),
        /leads from its certificate to an authority/,
        "send the certificates",
      ],
      ["of another root", stranger, /leads from its certificate to an authority/, "config.ca"],
    ])("%s is refused, and the reason given", async (_what, certificate, message, remedy) => {
      const bad = await frontWith(certificate);
      onTestFinished(() => bad.stop());
      const id = await behindTls({ host: "localhost", port: bad.port, tls: "verify_full", ca: root.cert });
      await expectTlsFailed(id, message, remedy);
    });
  });

  async function expectTlsFailed(id: string, message: RegExp, remedy: string): Promise<void> {
    const { client } = source;
    const refusal = await refusalOf(client.query(id, threeRows));
    expect(refusal).toMatchObject({ code: "FailedPrecondition", reason: "TLS_FAILED", where: "upstream" });
    expect(refusal.message).toMatch(message);
    expect(refusal.remedy).toContain(remedy);
    expect(await refusalOf(allRows(client.stream(id, threeRows)))).toEqual(refusal);
    const failed = failedCheck(await client.testConnector(id));
    expect(failed).toMatchObject({ name: "tls", reason: "TLS_FAILED", remedy: refusal.remedy });
  }
});

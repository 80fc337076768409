/** What is made in a database that the user names, and how it is connected to. */
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { kinds } from "../service/reader.ts";
import { certificateAuthority } from "../support/certificate.ts";
import type { FreshDatabase } from "../support/postgres.ts";
import { rogueServer } from "../support/service.ts";
import type { SourceClient } from "../support/source-kind.ts";
import { prepareSource } from "./source.ts";

describe.each(kinds)("of $id", (kind) => {
  let database: FreshDatabase;
  let admin: SourceClient;
  let plain: URL;

  beforeAll(async () => {
    database = await kind.freshDatabase();
    admin = kind.client(database.url);
    plain = new URL(database.url);
    plain.searchParams.set("tls", "disable");
  });
  afterAll(async () => {
    await admin.close();
    await database.drop();
  });

  const tables = () => admin.run("SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'e2e_%'");

  /** The database as a user whose password is the name. */
  async function asReader(): Promise<{ url: URL; user: string }> {
    const user = `e2e_${crypto.randomUUID().slice(0, 8)}`;
    await kind.createReader(admin, user);
    onTestFinished(() => kind.dropReader(admin, user));
    const url = new URL(plain);
    url.username = user;
    url.password = user;
    return { url, user };
  }

  test("a table is made, and is gone when it is removed", async () => {
    const source = await prepareSource(plain);
    expect(await tables()).toEqual([[source.table?.name]]);
    await source.remove();
    expect(await tables()).toEqual([]);
  });

  test("a user who may not make one has none", async () => {
    const { url } = await asReader();
    expect((await prepareSource(url)).table).toBeUndefined();
  });

  test("a wrong password is told with the source's host, and without the password", async () => {
    const { url } = await asReader();
    url.password = "wr0ng";
    const preparing = prepareSource(url);
    await expect(preparing).rejects.toThrow(`The source at ${url.host} can't be used: `);
    await expect(preparing).rejects.not.toThrow("wr0ng");
  });

  test("a source without TLS gets no password where its URL does not say so", async () => {
    const url = new URL(database.url);
    await expect(prepareSource(url)).rejects.toThrow(`The source at ${url.host} can't be used: `);
    expect(await tables()).toEqual([]);
  });

  test("one with TLS is trusted by its authority and its name, or by its authority where its URL says so", async () => {
    const authority = certificateAuthority();
    const before = getCACertificates("default");
    setDefaultCACertificates([...before, authority.cert]);
    onTestFinished(() => setDefaultCACertificates(before));
    const port = Number(new URL(database.url).port);
    const behind = async (name: string) => {
      const front = await rogueServer((socket) => kind.endTls(socket, port, authority.issue({ names: [name] })));
      onTestFinished(() => front.stop());
      const url = new URL(database.url);
      url.host = `localhost:${front.port}`;
      return url;
    };
    const source = await prepareSource(await behind("localhost"));
    expect(source).toMatchObject({ table: { rows: 10_000 }, target: { config: { tls: "verify_full" } } });
    await source.remove();

    const other = await behind("db.example.com");
    await expect(prepareSource(other)).rejects.toThrow("can't be used: ");
    other.searchParams.set("tls", "verify_ca");
    await (await prepareSource(other)).remove();
  });

  test.runIf(kind.id === "postgresql")("a table that can't be filled is dropped again", async () => {
    const { url, user } = await asReader();
    await admin.run(`GRANT CREATE ON SCHEMA public TO ${user};
      ALTER DEFAULT PRIVILEGES FOR ROLE ${user} REVOKE INSERT ON TABLES FROM ${user}`);
    onTestFinished(async () => void (await admin.run(`DROP OWNED BY ${user}`)));
    expect((await prepareSource(url)).table).toBeUndefined();
    expect(await tables()).toEqual([]);
  });
});

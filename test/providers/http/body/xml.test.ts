/** Rows of XML. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rowReader } from "../../../../src/providers/http/body/rows.ts";
import { scaled, seeded } from "../../../torture/scale.ts";
import { every, failureOf, field, outcome, pieces, rowsOf } from "./reading.ts";

const format = { kind: "xml", rows: "/feed/entry" } as const;

const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;").replaceAll("]]>", "]]&gt;");

test("any texts, written as elements, attributes and CDATA and cut anywhere, come back", async () => {
  const text = fc.string({ unit: fc.constantFrom("a", "é", "😀", "&", "<", ">", '"', "]", " ", "\n", "1") });
  const fields = [
    field("attribute", "string", "/@a"),
    field("element", "string", "/e"),
    field("data", "string", "/n/d"),
    field("own", "string", ""),
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(text, text, text, text)), fc.array(fc.nat(500)), async (rows, cuts) => {
      const body = rows.map(([a, e, d, own]) => {
        const data = d.replaceAll("]]>", "]]]]><![CDATA[>");
        return `<entry a="${escaped(a)}"><e>${escaped(e)}</e>${escaped(own)}<n><d><![CDATA[${data}]]></d></n></entry>`;
      });
      const read = await rowsOf({ format, fields }, `<?xml version="1.0"?>\n<feed>${body.join("")}</feed>`, cuts);
      expect(read).toEqual(rows);
    }),
    { ...seeded, numRuns: scaled({ test: 100, torture: 10_000 }) },
  );
});

test("any text at all ends in rows or in a failure", async () => {
  const unit = fc.constantFrom(
    "<",
    ">",
    "/",
    "feed",
    "entry",
    "<feed>",
    "<entry>",
    "</entry>",
    "&",
    ";",
    "#",
    "x1",
    '"',
    "=",
    "!",
    "[",
    "]]>",
    "<![CDATA[",
    "<!--",
    "-->",
    "?",
    " ",
    "é",
    "\0",
  );
  const fields = [field("a", "string", "/@a"), field("own", "string", "")];
  await fc.assert(
    fc.asyncProperty(fc.string({ unit, maxLength: 30 }), fc.array(fc.nat(100)), async (body, cuts) => {
      await outcome({ format, fields }, pieces(body, cuts));
      await outcome({ format, fields }, pieces(`<feed>${body}`, cuts));
    }),
    { ...seeded, numRuns: scaled({ test: 200, torture: 30_000 }) },
  );
});

test("values are found by path, typed, and null where there are none", async () => {
  const body =
    '\ufeff<?xml version="1.0" encoding="utf-8"?><!-- hello -->\n<feed next="p&amp;2"><total> 3</total>\n' +
    '<entry id="1"><n><v> 5 </v></n><name>a</name><name>b</name><link href="/1"/><on>true</on></entry>' +
    '<entry id="2"><n><v xsi:nil="true"/></n><name/><on/></entry><entry/></feed>\n';
  const fields = [
    field("id", "int64", "/@id"),
    field("v", "int32", "/n/v"),
    field("name", "string"),
    field("link", "string", "/link/@href"),
    field("on", "bool"),
  ];
  for (const size of [1, 6, 1_000]) {
    const expected = { format, fields, beside: ["/feed/@next", "/feed/total", "/feed/gone"], last: ["/@id", "/name"] };
    const read = await outcome(expected, pieces(body.replace("<entry/>", ""), every(size, body)));
    expect(read.failure).toBeUndefined();
    expect(read.rows).toEqual([
      ["1", "5", "a", "/1", "t"],
      ["2", null, "", null, null],
    ]);
    expect(expected.beside.map(read.value)).toEqual(["p&2", " 3", undefined]);
    expect(expected.last.map(read.last)).toEqual(["2", ""]);
  }
  expect((await rowsOf({ format, fields }, body)).at(-1)).toEqual([null, null, null, null, null]);
});

describe("what is wrong is said", () => {
  const one = { format, fields: [field("id", "int64", "/@id")] };
  const laughs = `<!DOCTYPE lolz [<!ENTITY lol "lol">${Array.from({ length: 9 }, (_, i) => `<!ENTITY lol${i + 1} "${`&lol${i || ""};`.repeat(10)}">`).join("")}]>`;

  test.each([
    ["a billion laughs", `<?xml version="1.0"?>${laughs}<feed>&lol9;</feed>`],
    ["an external entity", '<!DOCTYPE feed SYSTEM "http://127.0.0.1/x"><feed/>'],
    ["an entity that nobody has declared", "<feed>&nbsp;</feed>"],
    ["an entity named as what every object has", "<feed>&constructor;</feed>"],
    ["a character that is none", "<feed>&#x110000;</feed>"],
    ["an element that is not open", "<feed></entry></feed>"],
    ["text behind the root", "<feed/>x"],
    ["a second root", "<feed/><feed/>"],
    ["JSON", '{"feed":[]}'],
    ["another encoding", '<?xml version="1.0" encoding="ISO-8859-1"?><feed/>'],
    ["what is not UTF-8", Buffer.from("<feed>\xe9</feed>", "latin1")],
    ["10⁵ nested elements", `<feed>${"<entry>".repeat(100_000)}`],
  ])("%s", async (_, body) => {
    const { rows, failure } = await outcome(one, pieces(body, every(1_000, body)));
    expect([rows, failure]).toMatchObject([[], { kind: "upstream_unavailable", final: true }]);
  });

  test.each(["", "<fe", "<feed>", '<feed><entry id="1"/>', "<feed><![CDATA[x"])(
    "it ends in the middle: %s",
    async (body) => {
      expect(await failureOf(one, body)).toMatchObject({ kind: "upstream_lost" });
    },
  );

  test("what should hold the rows is missing", async () => {
    expect(await failureOf(one, "<html></html>")).toMatchObject({ kind: "configuration_rejected" });
    expect(await rowsOf(one, "<feed/>")).toEqual([]);
  });

  test("a value is none of its type", async () => {
    const failure = await failureOf(one, '<feed><entry id="1"/><entry id="secret"/></feed>');
    expect(failure).toMatchObject({ kind: "configuration_rejected", metadata: { field: "id", rows_before: "1" } });
    expect(failure.message).not.toContain("secret");
  });
});

test.each(["entry", "", "/a//b", "/a/@b", "/a/@"])("%j is no path of rows", (rows) => {
  expect(() => rowReader({ resource: "things", format: { kind: "xml", rows }, fields: [] })).toThrow(
    expect.objectContaining({ kind: "configuration_rejected", final: true }),
  );
});

/**
 * Shapes in the plane, as text and as the bytes that a result holds of them.
 *
 * @see https://www.ogc.org/standards/sfa/ "Well-known Binary Representation for Geometry"
 */

type Point = readonly [number, number];

export interface Shape {
  /** The column's type, and the shape's own. */
  readonly type: string;
  readonly text: string;
  /** Well-known binary, the lowest byte first. */
  readonly hex: string;
}

const line: readonly Point[] = [
  [0, 0],
  [1, -2.5],
];
const otherLine: readonly Point[] = [
  [2, 2],
  [3, 3],
];
const ring: readonly Point[] = [
  [0, 0],
  [4, 0],
  [4, 4],
  [0, 0],
];
const hole: readonly Point[] = [
  [2, 1],
  [3, 1],
  [3, 2],
  [2, 1],
];

export const shapes: readonly Shape[] = [
  { type: "linestring", text: `LINESTRING${listed(line)}`, hex: lineHex(line) },
  { type: "polygon", text: `POLYGON(${listed(ring)},${listed(hole)})`, hex: polygonHex(ring, hole) },
  { type: "multipoint", text: `MULTIPOINT${listed(line)}`, hex: collected(4, line.map(pointHex)) },
  {
    type: "multilinestring",
    text: `MULTILINESTRING(${listed(line)},${listed(otherLine)})`,
    hex: collected(5, [lineHex(line), lineHex(otherLine)]),
  },
  { type: "multipolygon", text: `MULTIPOLYGON((${listed(ring)}))`, hex: collected(6, [polygonHex(ring)]) },
];

function listed(points: readonly Point[]): string {
  return `(${points.map((point) => point.join(" ")).join(",")})`;
}

function pointHex(point: Point): string {
  return head(1) + coordinates(point);
}

function lineHex(points: readonly Point[]): string {
  return head(2) + row(points);
}

function polygonHex(...rings: readonly (readonly Point[])[]): string {
  return head(3) + count(rings.length) + rings.map(row).join("");
}

/** What is made of other shapes. */
function collected(kind: number, parts: readonly string[]): string {
  return head(kind) + count(parts.length) + parts.join("");
}

function row(points: readonly Point[]): string {
  return count(points.length) + points.map(coordinates).join("");
}

function head(kind: number): string {
  return `01${count(kind)}`;
}

function count(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes.toString("hex");
}

function coordinates(point: Point): string {
  const bytes = Buffer.alloc(16);
  point.forEach((value, i) => {
    bytes.writeDoubleLE(value, i * 8);
  });
  return bytes.toString("hex");
}

/**
 * The text forms of dates, times and spans that an operand may have: those of the
 * contract's FieldType and of ISO 8601. What a database would misread silently, an
 * offset where the type has none for example, is no form.
 */
import type { Calendar } from "./value-type.ts";

const date = String.raw`(?<year>\d{4,7})-(?<month>\d\d)-(?<day>\d\d)`;
const time = String.raw`(?<hour>\d\d):(?<minute>\d\d)(?::(?<second>\d\d(?:\.\d{1,6})?))?`;
const offset = String.raw`(?:Z|(?<sign>[+-])(?<offsetHour>\d\d)(?::?(?<offsetMinute>[0-5]\d)(?::(?<offsetSecond>[0-5]\d))?)?)`;
const era = "(?<bc> BC)?";
const infinite = /^-?infinity$/i;

const dateForm = new RegExp(`^${date}${era}$`);
const timeForm = new RegExp(`^${time}$`);
const timeWithOffsetForm = new RegExp(`^${time}${offset}?$`);
const hoursForm = /^-?(?<hour>\d{2,3}):(?<minute>[0-5]\d)(?::[0-5]\d(?:\.\d{1,6})?)?$/;
const timestampForm = new RegExp(`^${date}[ T]${time}${era}$`);
const instantForm = new RegExp(`^${date}[ T]${time}${offset}${era}$`);
// Months, days and microseconds are integers of 32, 32 and 64 bits.
const span = (letter: string) => `(?:[+-]?\\d{1,10}${letter})?`;
const intervalForm = new RegExp(
  `^P(?=.)${["Y", "M", "W", "D"].map(span).join("")}` +
    `(?:T(?=.)${span("H")}${span("M")}(?:[+-]?\\d{1,10}(?:\\.\\d{1,6})?S)?)?$`,
);

/** The last years that PostgreSQL's types hold. */
const lastYear = { date: 5_874_897, timestamp: 294_276 };

/** @param calendar absent for that of the contract */
export const isDate = (text: string, calendar?: Calendar) => holds(text, dateForm, lastYear.date, calendar);
export const isTime = (text: string) => fits(timeForm.exec(text));
export const isTimeWithOffset = (text: string) => fits(timeWithOffsetForm.exec(text));
export const isTimestamp = (text: string, calendar?: Calendar) =>
  holds(text, timestampForm, lastYear.timestamp, calendar);
export const isInterval = (text: string) => infinite.test(text) || intervalForm.test(text);

export function isInstant(text: string, calendar?: Calendar): boolean {
  if (!holds(text, instantForm, lastYear.timestamp, calendar)) return false;
  // An offset may lead out of the years, and nothing leads from a day that is none.
  return calendar === undefined || isTimestamp(instantInUtc(text), calendar);
}

/** A time that may be negative and have so many hours, its greatest value at the last of them. */
export function isLongTime(text: string, hours: number): boolean {
  const match = hoursForm.exec(text);
  return match !== null && Number(match.groups?.hour) <= hours;
}

/**
 * The clock of UTC at an instant of four digits for the year, without an offset. A text
 * that has the offset zero keeps its digits, whatever they are; another that is no
 * instant gives an empty text.
 */
export function instantInUtc(text: string): string {
  const groups = instantForm.exec(text)?.groups;
  const local = text.replace(/(?:Z|[+-]\d\d(?::?\d\d(?::\d\d)?)?)$/, "").replace("T", " ");
  const part = (name: string) => Number(groups?.[name] ?? 0);
  const seconds = 3_600 * part("offsetHour") + 60 * part("offsetMinute") + part("offsetSecond");
  if (seconds === 0) return local;
  const [clock, fraction] = local.split(".");
  const instant = new Date(`${clock?.replace(" ", "T").padEnd(19, ":00")}Z`);
  instant.setTime(instant.getTime() - (groups?.sign === "-" ? -1_000 : 1_000) * seconds);
  if (Number.isNaN(instant.getTime())) return "";
  const utc = instant
    .toISOString()
    .replace(/\.\d+Z$/, "")
    .replace("T", " ");
  return fraction === undefined ? utc : `${utc}.${fraction}`;
}

function holds(text: string, form: RegExp, last: number, calendar: Calendar | undefined): boolean {
  if (calendar === undefined) return infinite.test(text) || fits(form.exec(text), last);
  const match = form.exec(text);
  if (match?.groups?.year === undefined || match.groups.bc !== undefined) return false;
  const part = (name: string) => Number(match.groups?.[name] ?? 0);
  if (match.groups.year.length > 4 || part("hour") > 23 || part("minute") > 59 || part("second") >= 60) return false;
  const [year, month, day] = [part("year"), part("month"), part("day")];
  if (calendar.zeros && (month === 0 || day === 0)) return month <= 12 && day <= 31;
  return year >= (calendar.zeros ? 0 : 1) && day >= 1 && day <= daysIn(year, month) && part("offsetHour") < 16;
}

function fits(match: RegExpExecArray | null, last = 0): boolean {
  if (match === null) return false;
  const part = (name: string) => Number(match.groups?.[name] ?? 0);
  const bc = match.groups?.bc !== undefined;
  if (match.groups?.year !== undefined) {
    const year = part("year");
    if (year < 1 || year > (bc ? 4_714 : last)) return false;
    if (bc && year === 4_714 && beforeFirstDay(part)) return false;
    if (part("day") < 1 || part("day") > daysIn(bc ? 1 - year : year, part("month"))) return false;
  }
  // A day may end at 24:00, and at nothing after it.
  const withinDay = part("hour") < 24 || (part("hour") === 24 && part("minute") === 0 && part("second") === 0);
  return withinDay && part("minute") < 60 && part("second") < 60 && part("offsetHour") < 16;
}

/** PostgreSQL's first day is Julian day 0, 24 November 4714 BC; on it, an offset may lead to the day before. */
function beforeFirstDay(part: (name: string) => number): boolean {
  const day = 100 * part("month") + part("day");
  return day < 1124 || (day === 1124 && part("offsetHour") + part("offsetMinute") > 0);
}

/** Days of a month of the proleptic Gregorian calendar, whose year 0 is 1 BC; 0 when there is no such month. */
function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [31, 0, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
}

/**
 * The text forms of dates, times and spans that an operand may have: those of the
 * contract's FieldType and of ISO 8601. What a database would misread silently, an
 * offset where the type has none for example, is no form.
 */

const date = String.raw`(?<year>\d{4,7})-(?<month>\d\d)-(?<day>\d\d)`;
const time = String.raw`(?<hour>\d\d):(?<minute>\d\d)(?::(?<second>\d\d(?:\.\d{1,6})?))?`;
const offset = String.raw`(?:Z|[+-](?<offsetHour>\d\d)(?::?(?<offsetMinute>[0-5]\d)(?::[0-5]\d)?)?)`;
const era = "(?<bc> BC)?";
const infinite = /^-?infinity$/i;

const dateForm = new RegExp(`^${date}${era}$`);
const timeForm = new RegExp(`^${time}$`);
const timeWithOffsetForm = new RegExp(`^${time}${offset}?$`);
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

export const isDate = (text: string) => infinite.test(text) || fits(dateForm.exec(text), lastYear.date);
export const isTime = (text: string) => fits(timeForm.exec(text));
export const isTimeWithOffset = (text: string) => fits(timeWithOffsetForm.exec(text));
export const isTimestamp = (text: string) => infinite.test(text) || fits(timestampForm.exec(text), lastYear.timestamp);
export const isInstant = (text: string) => infinite.test(text) || fits(instantForm.exec(text), lastYear.timestamp);
export const isInterval = (text: string) => infinite.test(text) || intervalForm.test(text);

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

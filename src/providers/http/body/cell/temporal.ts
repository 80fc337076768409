/** Dates and times as APIs write them, in the canonical forms of the contract's FieldType. */

const date = String.raw`(\d{4})-(\d\d)-(\d\d)`;
const time = String.raw`(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?`;
const offset = String.raw`(?:([Zz])|([+-])(\d\d):?(\d\d)?)?`;

const dateForm = new RegExp(`^${date}$`);
const timeForm = new RegExp(`^${time}${offset}$`);
const momentForm = new RegExp(`^${date}[Tt ]${time} ?${offset}$`);
const intervalForm =
  /^P(?=.)(?:-?\d+Y)?(?:-?\d+M)?(?:-?\d+W)?(?:-?\d+D)?(?:T(?=.)(?:-?\d+H)?(?:-?\d+M)?(?:-?\d+(?:\.\d{1,6})?S)?)?$/;

/** A day that is one: `2026-11-22`. */
export function dateText(text: string): string | undefined {
  const match = dateForm.exec(text);
  return match !== null && isDay(Number(match[1]), Number(match[2]), Number(match[3])) ? text : undefined;
}

/** A time of day: `13:45:00.5+05:30` for `13:45:00.500+0530`. */
export function timeText(text: string): string | undefined {
  const [matched, hour, minute, second = "00", digits = "", z, sign, hours, minutes = "00"] = timeForm.exec(text) ?? [];
  if (matched === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const clock = `${hour}:${minute}:${second}${fractionText(digits)}`;
  if (z !== undefined) return `${clock}+00`;
  if (sign === undefined) return clock;
  if (Number(hours) > 15 || Number(minutes) > 59) return undefined;
  return `${clock}${sign}${hours}${minutes === "00" ? "" : `:${minutes}`}`;
}

/** A span in ISO 8601 form. */
export const intervalText = (text: string) => (intervalForm.test(text) ? text : undefined);

/** A date and time that has no offset: `2026-11-22 13:45:00`. */
export function timestampText(text: string): string | undefined {
  const moment = momentOf(text);
  return moment === undefined || moment.offset !== undefined ? undefined : formatted(moment.seconds, moment.digits);
}

/**
 * An instant of RFC 3339 in UTC, cut to microseconds: `2026-11-22 12:45:00.000001+00`. A leap
 * second is the first one after it.
 *
 * @param isUtc whether a text without an offset is one, too
 */
export function instantText(text: string, isUtc: boolean): string | undefined {
  const moment = momentOf(text);
  if (moment === undefined || (moment.offset === undefined && !isUtc)) return undefined;
  const local = formatted(moment.seconds - (moment.offset ?? 0), moment.digits);
  return local === undefined ? undefined : `${local}+00`;
}

/** A time since 1970, of whole seconds and the digits of a fraction: `2026-11-22 12:45:00.5`, `1969-12-31 23:59:59.5` for -0.5. */
export function epochText(seconds: bigint, digits: string, isNegative: boolean): string | undefined {
  const fraction = BigInt(digits.slice(0, 6).padEnd(6, "0"));
  const micros = (seconds * 1_000_000n + fraction) * (isNegative ? -1n : 1n);
  const part = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const whole = (micros - part) / 1_000_000n;
  if (whole < firstSecond || whole > lastSecond) return undefined;
  return formatted(Number(whole), String(part).padStart(6, "0"));
}

/** A fraction of at most six digits, without zeros at its end. */
export function fractionText(digits: string): string {
  const kept = digits.slice(0, 6).replace(/0+$/, "");
  return kept === "" ? "" : `.${kept}`;
}

/** Whether there is such a day in the Gregorian calendar, from the year 1 on. */
export function isDay(year: number, month: number, day: number): boolean {
  if (month === 2)
    return year > 0 && day > 0 && day <= (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28);
  const days = month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return year > 0 && month > 0 && month <= 12 && day > 0 && day <= days;
}

interface Moment {
  /** Since 1970, by the text's own clock. */
  readonly seconds: number;
  readonly digits: string;
  /** Seconds by which its clock is ahead of UTC, if it says so. */
  readonly offset: number | undefined;
}

function momentOf(text: string): Moment | undefined {
  const match = momentForm.exec(text);
  if (match === null) return undefined;
  const part = (index: number) => Number(match[index] ?? 0);
  if (!isDay(part(1), part(2), part(3)) || part(4) > 23 || part(5) > 59 || part(6) > 60) return undefined;
  if (part(10) > 23 || part(11) > 59) return undefined;
  const day = new Date(0).setUTCFullYear(part(1), part(2) - 1, part(3)) / 1_000;
  const ahead = (3_600 * part(10) + 60 * part(11)) * (match[9] === "-" ? -1 : 1);
  return {
    seconds: day + 3_600 * part(4) + 60 * part(5) + part(6),
    digits: match[7] ?? "",
    offset: match[8] === undefined && match[9] === undefined ? undefined : ahead,
  };
}

/** From the year 1 to the year 9999. */
const firstSecond = -62_135_596_800n;
const lastSecond = 253_402_300_799n;

function formatted(seconds: number, digits: string): string | undefined {
  if (seconds < Number(firstSecond) || seconds > Number(lastSecond)) return undefined;
  const clock = new Date(seconds * 1_000).toISOString();
  return `${clock.slice(0, 10)} ${clock.slice(11, 19)}${fractionText(digits)}`;
}

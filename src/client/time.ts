/** Dates and times out of their canonical text (see FieldType in the contract). */

const pattern = /^(\d{4,})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:\+00)?)?( BC)?$/;

/** A date or a timestamp, read as UTC, cut to the millisecond. Throws a RangeError when no Date can hold it. */
export function dateOf(text: string): Date {
  const date = new Date(Number(microsecondsOf(text) / 1000n));
  if (Number.isNaN(date.getTime())) throw new RangeError(`No Date can hold ${text}.`);
  return date;
}

/** A date or a timestamp, read as UTC, to the microsecond. Throws a RangeError when there is no such instant. */
export function instantOf(text: string): Temporal.Instant {
  if (typeof Temporal === "undefined") {
    throw new RangeError("This runtime has no Temporal: use date(), or the text itself.");
  }
  return Temporal.Instant.fromEpochNanoseconds(microsecondsOf(text) * 1000n);
}

/** Microseconds since 1970 on the proleptic Gregorian calendar. */
function microsecondsOf(text: string): bigint {
  const match = pattern.exec(text);
  if (match === null) throw new RangeError(`${text} is not a point in time.`);
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", era] = match;
  // There is no year 0 in the text: 1 BC is what astronomers call 0.
  const signedYear = era === undefined ? Number(year) : 1 - Number(year);
  // MySQL knows dates without a day, without a month, and without anything.
  if (Number(month) === 0 || Number(day) === 0) throw new RangeError(`${text} is not a point in time.`);
  const days = daysOf(signedYear, Number(month), Number(day));
  const seconds = days * 86_400 + Number(hour) * 3_600 + Number(minute) * 60 + Number(second);
  return BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, "0"));
}

/**
 * Days from 1970-01-01, by Howard Hinnant's "chrono-compatible low-level date
 * algorithms" (days_from_civil): Date's own years end before a timestamp's do.
 */
function daysOf(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

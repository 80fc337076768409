/** The bytes that mean something in JSON. */

export const quote = 0x22;
export const comma = 0x2c;
export const minusSign = 0x2d;
export const dot = 0x2e;
export const digit0 = 0x30;
export const digit9 = 0x39;
export const colon = 0x3a;
export const openBracket = 0x5b;
export const backslash = 0x5c;
export const closeBracket = 0x5d;
export const letterE = 0x65;
export const letterF = 0x66;
export const letterN = 0x6e;
export const letterT = 0x74;
export const letterU = 0x75;
export const openBrace = 0x7b;
export const closeBrace = 0x7d;
/** All below is control characters, which may stand in no text. */
export const space = 0x20;

export const isSpace = (byte: number) => byte === space || byte === 0x0a || byte === 0x0d || byte === 0x09;

export const isDigit = (byte: number) => byte >= digit0 && byte <= digit9;

/** The value of a hexadecimal digit; -1 for any other byte. */
export function hexValue(byte: number): number {
  if (isDigit(byte)) return byte - digit0;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

/** What a letter behind a backslash stands for; -1 when it is none of those that stand for one byte. */
export function escaped(letter: number): number {
  switch (letter) {
    case 0x62:
      return 0x08;
    case letterF:
      return 0x0c;
    case letterN:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case letterT:
      return 0x09;
    default:
      return letter === quote || letter === backslash || letter === 0x2f ? letter : -1;
  }
}

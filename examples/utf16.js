/**
 * Conversion of text offsets between neurosync.v1 and languages whose strings are UTF-16.
 *
 * Every offset into a text in neurosync.v1 (`start_char`, `end_char`) counts Unicode code points. JavaScript and
 * TypeScript count UTF-16 code units instead: a character beyond U+FFFF, such as most emoji, counts twice there. An
 * offset that is used as it came is therefore too small by one for each such character before it.
 *
 *     const word = event.heard.words[0];
 *     reply.slice(toUtf16(reply, word.startChar), toUtf16(reply, word.endChar)); // or: slice(reply, startChar, endChar)
 *
 * A combining mark (an accent, a skin tone, a joiner) is a code point of its own, in both countings.
 *
 * Java:  text.offsetByCodePoints(0, offset) and text.codePointCount(0, index) do the same.
 * C#:    walk the string, and step by two where char.IsHighSurrogate(text[i]) and char.IsLowSurrogate(text[i + 1]).
 * Python, Go (over runes) and Rust (over chars) count code points already.
 */

/**
 * Return the UTF-16 offset of a code-point offset.
 *
 * @param {string} text the text that the offset points into
 * @param {number} offset code points from the start, 0 to the number of code points of `text`
 * @returns {number} UTF-16 code units from the start, for `text.slice` and the like
 * @throws {RangeError} if the offset is not a whole number, or outside of the text
 */
export function toUtf16(text, offset) {
  let index = 0;
  let left = checked(offset);
  for (; left > 0 && index < text.length; left--) index += unitsAt(text, index);
  if (left > 0) throw new RangeError(`offset ${offset} is beyond the ${offset - left} code points of the text`);
  return index;
}

/**
 * Return the code-point offset of a UTF-16 offset; inside a surrogate pair, that of the character it cuts.
 *
 * @param {string} text the text that the index points into
 * @param {number} index UTF-16 code units from the start, 0 to `text.length`
 * @returns {number} code points from the start, as in neurosync.v1
 * @throws {RangeError} if the index is not a whole number, or outside of the text
 */
export function fromUtf16(text, index) {
  if (checked(index) > text.length) throw new RangeError(`index ${index} is beyond the ${text.length} units of the text`);
  let offset = 0;
  for (let at = 0; at < text.length; offset++) {
    at += unitsAt(text, at);
    if (at > index) break;
  }
  return offset;
}

/**
 * Return the part of a text between two code-point offsets, such as `startChar` and `endChar` of a word.
 *
 * @param {string} text the text that the offsets point into
 * @param {number} start code points to its first character
 * @param {number} end code points to one past its last character
 * @returns {string} the part
 * @throws {RangeError} if an offset is not a whole number, or outside of the text
 */
export function slice(text, start, end) {
  return text.slice(toUtf16(text, start), toUtf16(text, end));
}

/** Return how many UTF-16 units the character at `index` takes: 2 for a surrogate pair, 1 for all others. */
function unitsAt(text, index) {
  return text.codePointAt(index) > 0xffff ? 2 : 1;
}

function checked(offset) {
  if (!Number.isInteger(offset) || offset < 0) throw new RangeError(`expected a whole number from 0, got ${offset}`);
  return offset;
}

// Where spoken words lie in the text that is shown. Pure; works on letters and on Han characters alike.

const SPACE_OR_MARK = /[\s\p{P}\p{S}]/u;

/** Gives each timed word its range of characters, up to the next word: punctuation and spaces belong to the word before them. */
export function alignWords(text, timings) {
  const haystack = text.toLowerCase();
  const found = [];
  let from = 0;
  for (const { word, start_ms: startMs, duration_ms: durationMs } of timings) {
    const needle = String(word).trim().toLowerCase();
    const at = needle ? haystack.indexOf(needle, from) : -1;
    // A word spoken otherwise than written ("10" as "ten") has no place of its own: the word before it stretches over it.
    if (at < 0) continue;
    found.push({ start: at, end: at + needle.length, startMs, endMs: startMs + (durationMs ?? 0) });
    from = at + needle.length;
  }
  return found.map((word, i) => ({
    ...word,
    start: i === 0 ? 0 : word.start,
    end: i + 1 < found.length ? found[i + 1].start : endOfMarks(text, word.end),
  }));
}

function endOfMarks(text, from) {
  let at = from;
  while (at < text.length && SPACE_OR_MARK.test(text[at])) at += 1;
  return at;
}

/** How many characters of a reply are lit once `playedMs` of its sound were heard. */
export function charsHeard(entry, playedMs) {
  if (entry.words.length > 0) {
    let chars = 0;
    for (const word of entry.words) if (word.startMs <= playedMs) chars = word.end;
    return chars;
  }
  if (!entry.totalMs) return 0;
  return Math.round(entry.text.length * Math.min(1, playedMs / entry.totalMs));
}

/** Where the heard part of `text` ends, the space after it included. */
export function heardBoundary(text, heard) {
  let at = text.startsWith(heard) ? heard.length : countLetters(text, heard);
  while (at < text.length && /\s/u.test(text[at])) at += 1;
  return at;
}

/** `heard` may differ from the text in white space and marks, so letters are counted. */
function countLetters(text, heard) {
  let letters = [...heard].filter((c) => !SPACE_OR_MARK.test(c)).length;
  let at = 0;
  for (const character of text) {
    if (letters === 0) break;
    if (!SPACE_OR_MARK.test(character)) letters -= 1;
    at += character.length;
  }
  return at;
}

/** The text as pieces to show: every timed word on its own, the rest as it lies between them. */
export function pieces(entry) {
  const cuts = new Set([0, entry.text.length]);
  for (const word of entry.words) cuts.add(word.start).add(word.end);
  if (entry.struckFrom !== null) cuts.add(entry.struckFrom);
  if (entry.words.length === 0) cuts.add(entry.heardChars);
  if (entry.who === "you" && !entry.final) cuts.add(Math.min(entry.stableChars, entry.text.length));
  const at = [...cuts].sort((a, b) => a - b);
  const out = [];
  for (let i = 0; i + 1 < at.length; i += 1) out.push({ start: at[i], end: at[i + 1], text: entry.text.slice(at[i], at[i + 1]) });
  return out;
}

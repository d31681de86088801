// When to try again: doubling, capped, with full jitter so that a restarted server is not met by all pages at once. Pure.

export const BACKOFF_DEFAULTS = Object.freeze({ firstMs: 250, factor: 2, capMs: 8000 });

export function backoffMs(attempt, random = Math.random, options = BACKOFF_DEFAULTS) {
  const ceiling = Math.min(options.capMs, options.firstMs * options.factor ** attempt);
  return Math.round(ceiling / 2 + (random() * ceiling) / 2);
}

// What the orb looks like in each state, as numbers, and the outline they make. Pure.
//
// Form says as much as colour, for those who see no colour and those who see it from the door: a ring listens, a filling ring hears, three
// lobes think, a full body speaks, two bars wait, a broken ring has lost the line. At rest both voices are there (`both`).

const REST = { scale: 0.56, ring: 0, wobble: 0.012, lobes: 0, spin: 0.12, breath: 0.02, bars: 0, gaps: 0, gain: 0, both: 0 };

export const SHAPES = Object.freeze({
  idle: { ...REST, both: 1 },
  connecting: { ...REST, gaps: 1, ring: 1, scale: 0.6, spin: 1.2 },
  listening: { ...REST, ring: 1, scale: 0.66, breath: 0.035, gain: 0.15 },
  hearing: { ...REST, ring: 0.55, scale: 0.68, wobble: 0.03, gain: 1 },
  thinking: { ...REST, scale: 0.6, lobes: 0.13, spin: 1.1 },
  speaking: { ...REST, scale: 0.66, wobble: 0.035, gain: 1, spin: 0.4 },
  paused: { ...REST, scale: 0.56, bars: 1 },
  muted: { ...REST, ring: 1, scale: 0.5 },
  reconnecting: { ...REST, ring: 1, gaps: 1, scale: 0.6, spin: 0.7 },
});

/** Moves every number a little towards the target: the same speed at any frame rate. */
export function approach(current, target, dtS, settleS = 0.22) {
  const share = 1 - Math.exp(-dtS / settleS);
  const next = {};
  for (const key of Object.keys(target)) next[key] = current[key] + (target[key] - current[key]) * share;
  return next;
}

/** Loudness rises at once and falls slowly, as the eye expects of a voice. */
export function followLevel(shown, level, dtS) {
  const settleS = level > shown ? 0.03 : 0.18;
  return shown + (level - shown) * (1 - Math.exp(-dtS / settleS));
}

/** Radius (1 = half the canvas) at an angle. `layer` 0 is the body; the others are the halo around it. */
export function radius(shape, { angle, timeS, level, layer }) {
  const breath = shape.breath * Math.sin(timeS * 1.6);
  const swell = shape.gain * level * (0.16 + 0.07 * layer);
  const loose = shape.wobble * (1 + layer) + shape.gain * level * 0.06;
  const turn = timeS * shape.spin;
  const ripple =
    0.5 * Math.sin(2 * angle + turn * 1.3 + layer) +
    0.3 * Math.sin(3 * angle - turn * 1.7 + 2 * layer) +
    0.2 * Math.sin(5 * angle + turn * 2.9 - layer);
  const lobes = shape.lobes * Math.sin(3 * angle + turn * 2.2);
  return shape.scale * (1 + breath + swell + loose * ripple + lobes + 0.1 * layer);
}

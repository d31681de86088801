// The conversation as it was said and really heard, kept in memory for export: left the person, right the machine. Pure.

const KEEP_MS = 30 * 60 * 1000;
const SNAP_MS = 60;

export class Recorder {
  constructor({ rateHz, keepMs = KEEP_MS }) {
    this.rateHz = rateHz;
    this.keepMs = keepMs;
    this.sides = { left: [], right: [] };
    this.cursor = { left: -Infinity, right: -Infinity };
  }

  /** `endMs` is the local time of the last sample. Blocks that follow each other closely are joined without a seam. */
  add(side, pcm, endMs) {
    if (pcm.length === 0) return;
    const durationMs = (pcm.length * 1000) / this.rateHz;
    let startMs = endMs - durationMs;
    if (Math.abs(startMs - this.cursor[side]) < SNAP_MS) startMs = this.cursor[side];
    this.cursor[side] = startMs + durationMs;
    const blocks = this.sides[side];
    blocks.push({ startMs, pcm });
    while (blocks[0].startMs < endMs - this.keepMs) blocks.shift();
  }

  clear() {
    this.sides = { left: [], right: [] };
    this.cursor = { left: -Infinity, right: -Infinity };
  }

  get empty() {
    return this.sides.left.length === 0 && this.sides.right.length === 0;
  }

  /** Both sides on one time line, interleaved. */
  mixdown() {
    const all = [...this.sides.left, ...this.sides.right];
    if (all.length === 0) return new Int16Array(0);
    const originMs = all.reduce((min, block) => Math.min(min, block.startMs), Infinity);
    const at = (ms) => Math.round(((ms - originMs) * this.rateHz) / 1000);
    const frames = all.reduce((max, block) => Math.max(max, at(block.startMs) + block.pcm.length), 0);
    const out = new Int16Array(frames * 2);
    for (const [channel, side] of ["left", "right"].entries()) {
      for (const { startMs, pcm } of this.sides[side]) {
        const first = at(startMs);
        for (let i = 0; i < pcm.length; i += 1) out[(first + i) * 2 + channel] = pcm[i];
      }
    }
    return out;
  }
}

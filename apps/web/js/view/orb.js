// The one shape of the page. Colour comes from CSS (the canvas's own `color`), form from orb-shapes.js, life from the voice that sounds.

import { SHAPES, approach, followLevel, radius } from "./orb-shapes.js";

const POINTS = 72;
const STEP_MS = 1000 / 40;
const REDUCED_STEP_MS = 200;
const DIMMEST = 0.78;

export class Orb {
  /** `light` is what this shape throws into the room. */
  constructor(canvas, light) {
    Object.assign(this, { canvas, light });
    this.pen = canvas.getContext("2d");
    this.target = SHAPES.idle;
    this.shape = { ...SHAPES.idle };
    this.level = 0;
    this.shownLevel = 0;
    this.timeS = 0;
    this.drawnAtMs = 0;
    this.reduced = matchMedia("(prefers-reduced-motion: reduce)");
    new ResizeObserver(() => this.fit()).observe(canvas);
    this.fit();
    requestAnimationFrame((nowMs) => this.tick(nowMs));
  }

  show(state) {
    this.target = SHAPES[state] ?? SHAPES.idle;
  }

  /** Loudness of whoever speaks, 0 to 1. */
  hear(level) {
    this.level = level;
  }

  fit() {
    const box = this.canvas.getBoundingClientRect();
    const ratio = Math.min(2, devicePixelRatio || 1);
    this.canvas.width = Math.max(1, Math.round(box.width * ratio));
    this.canvas.height = Math.max(1, Math.round(box.height * ratio));
    this.draw();
  }

  tick(nowMs) {
    requestAnimationFrame((next) => this.tick(next));
    const elapsedMs = nowMs - this.drawnAtMs;
    if (elapsedMs < (this.reduced.matches ? REDUCED_STEP_MS : STEP_MS)) return;
    this.drawnAtMs = nowMs;
    this.advance(Math.min(0.1, elapsedMs / 1000));
    this.draw();
    this.shine();
  }

  /** The room is as bright as the voice is loud. Only opacity changes, which costs no layout and no paint. */
  shine() {
    const bright = (DIMMEST + (1 - DIMMEST) * Math.min(1, this.shape.gain * this.shownLevel * 1.4)).toFixed(2);
    if (bright === this.bright) return;
    this.bright = bright;
    this.light.style.opacity = bright;
  }

  advance(dtS) {
    if (this.reduced.matches) {
      // Nothing turns or breathes; size still follows the voice, in steps.
      this.shape = { ...this.target, wobble: 0, breath: 0 };
      this.shownLevel = Math.round(this.level * 4) / 4;
      return;
    }
    this.timeS += dtS;
    this.shape = approach(this.shape, this.target, dtS);
    this.shownLevel = followLevel(this.shownLevel, this.level, dtS);
  }

  draw() {
    const { pen, canvas, shape } = this;
    const half = Math.min(canvas.width, canvas.height) / 2;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.translate(canvas.width / 2, canvas.height / 2);
    pen.fillStyle = getComputedStyle(canvas).color;
    pen.strokeStyle = pen.fillStyle;
    this.halo(half);
    this.body(half);
    if (shape.bars > 0.02) this.bars(half);
  }

  halo(half) {
    const { pen } = this;
    const colour = pen.fillStyle;
    if (this.shape.both > 0.5) pen.fillStyle = this.voices(half);
    for (const layer of [4, 3, 2, 1]) {
      this.trace(half, layer * 0.9);
      pen.globalAlpha = 0.035 + 0.015 * (4 - layer);
      pen.fill();
    }
    pen.globalAlpha = 1;
    pen.fillStyle = colour;
  }

  /** The two voices side by side, while neither speaks. Their colours lie in the canvas's own border, which has no width. */
  voices(half) {
    const { pen, shape } = this;
    const reach = half * shape.scale;
    const { borderLeftColor: you, borderRightColor: it } = getComputedStyle(this.canvas);
    const turn = -Math.PI / 3 + 0.3 * Math.sin(this.timeS * 0.3);
    const [x, y] = [Math.cos(turn) * reach, Math.sin(turn) * reach];
    const voices = pen.createLinearGradient(-x, -y, x, y);
    voices.addColorStop(0.05, you);
    // Mixed directly, sea and amber make mud; between them lies the first light.
    voices.addColorStop(0.55, "#f0dcc0");
    voices.addColorStop(0.95, it);
    return voices;
  }

  blend(half) {
    const { pen, shape } = this;
    const colour = pen.fillStyle;
    pen.fillStyle = this.voices(half);
    pen.globalAlpha = shape.both;
    pen.fill();
    pen.globalAlpha = 1;
    pen.fillStyle = colour;
  }

  /** Light from above left: the body is round, not a disc. */
  sheen(half) {
    const { pen, shape } = this;
    const reach = half * shape.scale;
    const light = pen.createRadialGradient(-reach * 0.45, -reach * 0.55, 0, -reach * 0.2, -reach * 0.2, reach * 1.7);
    light.addColorStop(0, "rgb(255 255 255 / 0.42)");
    light.addColorStop(0.55, "rgb(255 255 255 / 0.05)");
    light.addColorStop(1, "rgb(0 0 0 / 0.14)");
    const colour = pen.fillStyle;
    pen.fillStyle = light;
    pen.globalAlpha = (1 - shape.ring) ** 1.5;
    pen.fill();
    pen.globalAlpha = 1;
    pen.fillStyle = colour;
  }

  body(half) {
    const { pen, shape } = this;
    const solid = 1 - shape.ring;
    this.trace(half, 0);
    pen.globalAlpha = 0.1 + 0.9 * solid ** 1.5;
    pen.fill();
    pen.globalAlpha = 1;
    if (shape.both > 0.02) this.blend(half);
    if (solid > 0.02) this.sheen(half);
    if (shape.ring < 0.02) return;
    pen.lineWidth = half * (0.05 + 0.05 * shape.ring);
    const round = Math.PI * 2 * half * shape.scale;
    const gap = shape.gaps * round * 0.06;
    pen.setLineDash(shape.gaps > 0.05 ? [round / 6 - gap, gap] : []);
    pen.lineDashOffset = -this.timeS * shape.spin * half * 0.3;
    pen.stroke();
    pen.setLineDash([]);
  }

  bars(half) {
    const { pen, shape } = this;
    const height = half * shape.scale * 0.8;
    const width = half * shape.scale * 0.2;
    pen.globalCompositeOperation = "destination-out";
    pen.globalAlpha = shape.bars;
    for (const side of [-1, 1]) {
      pen.beginPath();
      pen.roundRect(side * width * 1.1 - width / 2, -height / 2, width, height, width / 2);
      pen.fill();
    }
    pen.globalCompositeOperation = "source-over";
    pen.globalAlpha = 1;
  }

  trace(half, layer) {
    const { pen, shape, timeS, shownLevel: level } = this;
    pen.beginPath();
    for (let i = 0; i < POINTS; i += 1) {
      const angle = (i / POINTS) * Math.PI * 2;
      const r = Math.min(0.99, radius(shape, { angle, timeS, level, layer })) * half;
      const x = Math.cos(angle) * r;
      const y = Math.sin(angle) * r;
      if (i === 0) pen.moveTo(x, y);
      else pen.lineTo(x, y);
    }
    pen.closePath();
  }
}

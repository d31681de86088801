// Where the nodes of a graph go: columns by distance from the sound's entrance, loops ignored, rows by the middle of what feeds them. Pure.

export const CELL = Object.freeze({ width: 108, height: 46, gapX: 26, gapY: 18, margin: 8 });
const CORNER = 8;

function isSound({ kind = "" }) {
  return kind.includes("audio");
}

function forwardEdges(names, edges) {
  const out = new Map(names.map((name) => [name, []]));
  // The way of the sound is walked first: what it reaches comes before what is merely told about it.
  const bySound = [...edges].sort((a, b) => Number(isSound(b)) - Number(isSound(a)));
  for (const { from, to } of bySound) if (out.has(from) && out.has(to) && from !== to) out.get(from).push(to);
  const state = new Map();
  const forward = [];
  const visit = (name) => {
    state.set(name, "open");
    for (const next of new Set(out.get(name))) {
      if (state.get(next) === "open") continue;
      forward.push([name, next]);
      if (!state.has(next)) visit(next);
    }
    state.set(name, "done");
  };
  for (const name of names) if (!state.has(name)) visit(name);
  return forward;
}

function columns(names, forward) {
  const column = new Map(names.map((name) => [name, 0]));
  for (let round = 0; round < names.length; round += 1) {
    let moved = false;
    for (const [from, to] of forward) {
      if (column.get(to) > column.get(from)) continue;
      column.set(to, column.get(from) + 1);
      moved = true;
    }
    if (!moved) break;
  }
  return column;
}

/** A tall narrow panel is read downwards: ranks become rows there, and columns on a wide one. */
export function layoutGraph(nodes, edges, { perRank = 3 } = {}) {
  const names = nodes.map((node) => node.name);
  const forward = forwardEdges(names, edges);
  const rankOf = columns(names, forward);
  const ranks = [];
  for (const name of names) (ranks[rankOf.get(name)] ??= []).push(name);
  const rows = ranks.filter(Boolean).flatMap((rank) => chunk(rank, perRank));
  const widest = Math.max(1, ...rows.map((row) => row.length));
  const width = 2 * CELL.margin + widest * CELL.width + (widest - 1) * CELL.gapX;
  const place = new Map();
  rows.forEach((row, y) => {
    const rowWidth = row.length * CELL.width + (row.length - 1) * CELL.gapX;
    row.forEach((name, x) => {
      place.set(name, {
        x: (width - rowWidth) / 2 + x * (CELL.width + CELL.gapX),
        y: CELL.margin + y * (CELL.height + CELL.gapY),
      });
    });
  });
  const height = 2 * CELL.margin + rows.length * CELL.height + Math.max(0, rows.length - 1) * CELL.gapY;
  return { place, width, height };
}

function chunk(list, size) {
  const out = [];
  for (let i = 0; i < list.length; i += size) out.push(list.slice(i, i + size));
  return out;
}

/** A path between two cells: to the next row straight, otherwise around the side, clear of the cells of the rows between (`all`). */
export function edgePath(from, to, { lane = 0, all = [] } = {}) {
  const half = CELL.width / 2;
  const rows = (to.y - from.y) / (CELL.height + CELL.gapY);
  if (rows > 0 && rows < 1.5) {
    const [x1, y1, x2, y2] = [from.x + half, from.y + CELL.height, to.x + half, to.y];
    const bend = (y2 - y1) / 2;
    return `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`;
  }
  const isRight = from.x >= to.x;
  const [x1, y1] = [from.x + (isRight ? CELL.width : 0), from.y + CELL.height / 2];
  const [x2, y2] = [to.x + (isRight ? CELL.width : 0), to.y + CELL.height / 2];
  const between = all.filter((cell) => cell.y > Math.min(from.y, to.y) && cell.y < Math.max(from.y, to.y));
  const edges = [x1, x2, ...between.map((cell) => cell.x + (isRight ? CELL.width : 0))];
  const clear = isRight ? Math.max(...edges) + 8 + 4 * lane : Math.min(...edges) - 8 - 4 * lane;
  const corner = (isRight ? -1 : 1) * CORNER;
  const turn = Math.sign(y2 - y1) * CORNER;
  return `M${x1} ${y1}H${clear + corner}Q${clear} ${y1} ${clear} ${y1 + turn}V${y2 - turn}Q${clear} ${y2} ${clear + corner} ${y2}H${x2}`;
}

// What a graph does, from two looks at its totals: what flows, what was lost, and which stage the person waited for most. Pure.
//
// `busy_ms` is not processor time: it is the time a stage took of what somebody waited for, and it grows at the end of each turn. So it is
// shown as a share of all waiting, and per turn.

/** One line between two stages, however many messages go either way. */
const linkKey = ({ from, to }) => [from, to].sort().join("–");

const edgeKey = (edge) => `${edge.from}>${edge.to}:${edge.kind}:${edge.name}`;

export class GraphActivity {
  constructor() {
    this.last = null;
  }

  update({ graph, server_ts_ms: atMs, session = {} }) {
    const before = this.last && this.last.graph.name === graph.name ? this.last : null;
    this.last = { graph, atMs };
    const elapsedMs = before ? Math.max(1, atMs - before.atMs) : null;
    const oldNodes = new Map((before?.graph.nodes ?? []).map((node) => [node.name, node]));
    const oldEdges = new Map((before?.graph.edges ?? []).map((edge) => [edgeKey(edge), edge]));
    const waitedMs = graph.nodes.reduce((sum, node) => sum + (node.busy_ms ?? 0), 0);
    const turns = Math.max(1, session.turns ?? 1);
    const perSecondOf = (now, old) => (old === undefined || elapsedMs === null ? 0 : Math.max(0, ((now - old) * 1000) / elapsedMs));
    const nodes = graph.nodes.map((node) => {
      const old = oldNodes.get(node.name);
      const share = waitedMs > 0 ? (node.busy_ms ?? 0) / waitedMs : 0;
      const perTurnMs = (node.busy_ms ?? 0) / turns;
      return { ...node, share, perTurnMs, perSecond: perSecondOf(node.handled, old?.handled), newlyDropped: old ? node.dropped - old.dropped : 0 };
    });
    const edges = graph.edges.map((edge) => {
      const old = oldEdges.get(edgeKey(edge));
      return { ...edge, perSecond: perSecondOf(edge.count, old?.count) };
    });
    return { name: graph.name, nodes, edges, links: linksOf(edges), hottest: hottest(nodes) };
  }
}

function linksOf(edges) {
  const links = new Map();
  for (const edge of edges) {
    const key = linkKey(edge);
    const link = links.get(key) ?? { key, from: edge.from, to: edge.to, names: new Set(), soundPerSecond: 0, perSecond: 0 };
    link.names.add(edge.name);
    link.perSecond += edge.perSecond;
    if (edge.kind.includes("audio")) link.soundPerSecond += edge.perSecond;
    links.set(key, link);
  }
  return [...links.values()];
}

function hottest(nodes) {
  const top = nodes.reduce((a, b) => (a === null || b.share > a.share ? b : a), null);
  return top && top.share > 0 ? top : null;
}

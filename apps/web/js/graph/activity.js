// What changed in a graph between two looks at its totals: who worked, what flowed, what was lost. Pure.

/** One line between two stages, however many messages go either way. */
const linkKey = ({ from, to }) => [from, to].sort().join("–");

const edgeKey = (edge) => `${edge.from}>${edge.to}:${edge.kind}:${edge.name}`;

export class GraphActivity {
  constructor() {
    this.last = null;
  }

  update({ graph, server_ts_ms: atMs }) {
    const before = this.last && this.last.graph.name === graph.name ? this.last : null;
    this.last = { graph, atMs };
    const elapsedMs = before ? Math.max(1, atMs - before.atMs) : null;
    const oldNodes = new Map((before?.graph.nodes ?? []).map((node) => [node.name, node]));
    const oldEdges = new Map((before?.graph.edges ?? []).map((edge) => [edgeKey(edge), edge]));
    const nodes = graph.nodes.map((node) => {
      const old = oldNodes.get(node.name);
      const share = old && elapsedMs ? Math.max(0, (node.busy_ms - old.busy_ms) / elapsedMs) : 0;
      return { ...node, share, newlyDropped: old ? node.dropped - old.dropped : 0 };
    });
    const edges = graph.edges.map((edge) => {
      const old = oldEdges.get(edgeKey(edge));
      const perSecond = old && elapsedMs ? ((edge.count - old.count) * 1000) / elapsedMs : 0;
      return { ...edge, perSecond };
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
  return top && top.share >= 0.005 ? top : null;
}

// The stock @openai/agents-realtime session against /v1/realtime: it validates every event strictly. argv: websocket URL.
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession } from '@openai/agents-realtime';

const url = process.argv[2];
const transport = new OpenAIRealtimeWebSocket({ url: `${url}/v1/realtime?model=embedded` });
const agent = new RealtimeAgent({ name: 'test', instructions: 'Be brief.' });
const session = new RealtimeSession(agent, { transport });
const problems = [];
let soundBytes = 0;
let interrupted = 0;

session.on('error', (error) => problems.push(String(error?.error?.error?.message ?? error?.error ?? error)));
session.on('audio', (event) => { soundBytes += event.data.byteLength; });
session.on('audio_interrupted', () => { interrupted += 1; });

const turn = (text, until) => new Promise((resolve, reject) => {
  const timer = setTimeout(() => reject(new Error(`no ${until} for ${text}`)), 15000);
  transport.once(until, () => { clearTimeout(timer); resolve(); });
  session.sendMessage(text);
});

await session.connect({ apiKey: 'unused' });
await turn('400', 'turn_done');
const history = session.history.filter((item) => item.type === 'message');
const firstBytes = soundBytes;

// Interrupt a long reply in its middle.
const long = new Promise((resolve) => transport.once('audio', resolve));
session.sendMessage('5000');
await long;
session.interrupt();
await new Promise((resolve) => setTimeout(resolve, 400));
const afterInterrupt = soundBytes;
await new Promise((resolve) => setTimeout(resolve, 400));

console.log(JSON.stringify({
  firstBytes, quietAfterInterrupt: soundBytes === afterInterrupt, interrupted, problems,
  roles: history.map((item) => item.role),
  said: history.filter((i) => i.role === 'assistant').map((i) => i.content.map((c) => c.transcript ?? c.text).join('')),
}));
session.close();
process.exit(0);

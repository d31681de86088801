// The stock `openai` package against /v1/realtime. argv: base URL. Prints one JSON object.
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';

const base = process.argv[2];
const client = new OpenAI({ apiKey: 'unused', baseURL: `${base}/v1` });
const realtime = new OpenAIRealtimeWS({ model: 'embedded' }, client);
const seen = [];
let soundBytes = 0;
let transcript = '';

const done = new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error(`nothing after ${seen.join(', ')}`)), 15000);
  realtime.on('error', reject);
  realtime.on('event', (event) => seen.push(event.type));
  realtime.on('response.output_audio.delta', (event) => { soundBytes += Buffer.from(event.delta, 'base64').length; });
  realtime.on('response.output_audio_transcript.delta', (event) => { transcript += event.delta; });
  realtime.on('response.done', (event) => resolve(event.response.status));
});

realtime.socket.on('open', () => {
  realtime.send({ type: 'session.update', session: { type: 'realtime', instructions: 'Be brief.' } });
  realtime.send({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: '400' }] },
  });
  realtime.send({ type: 'response.create' });
});

const status = await done;
realtime.close();
console.log(JSON.stringify({ status, soundBytes, transcript, seen }));
process.exit(0);

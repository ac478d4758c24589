// Starts and stops a throughlined of the tests' own, on free ports and in a temporary data directory.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

export async function until(what, condition, timeoutMs = 30_000) {
  const deadline = Date.now() + timeoutMs;
  let last;
  for (;;) {
    try {
      const result = await condition();
      if (result) return result;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs} ms for: ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const listener = net.createServer();
    listener.once('error', reject);
    listener.listen(0, '127.0.0.1', () => {
      const { port } = listener.address();
      listener.close(() => resolve(port));
    });
  });
}

export class Server {
  static async start() {
    const program = process.env.THROUGHLINE;
    const webRoot = process.env.THROUGHLINE_WEB_ROOT;
    if (!program || !webRoot) throw new Error('Set THROUGHLINE to the server and THROUGHLINE_WEB_ROOT to the built app.');
    const server = new Server();
    server.program = program;
    server.webRoot = webRoot;
    server.dataDir = await mkdtemp(path.join(os.tmpdir(), 'throughline-web-'));
    server.httpPort = await freePort();
    server.grpcPort = await freePort();
    server.base = `http://127.0.0.1:${server.httpPort}`;
    await server.run();
    return server;
  }

  async run() {
    this.output = '';
    this.child = spawn(
      this.program,
      [
        '--data-dir', this.dataDir,
        '--grpc-address', `127.0.0.1:${this.grpcPort}`,
        '--http-address', `127.0.0.1:${this.httpPort}`,
        '--web-root', this.webRoot,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const keep = (chunk) => {
      this.output = (this.output + chunk).slice(-20_000);
    };
    this.child.stdout.on('data', keep);
    this.child.stderr.on('data', keep);
    this.exited = new Promise((resolve) => this.child.once('exit', (code, signal) => resolve(code ?? signal)));
    let gone;
    void this.exited.then((code) => {
      gone = code;
    });
    await until('throughlined to answer', async () => {
      if (gone !== undefined) return true;
      return (await fetch(`${this.base}/v1/workspaces`)).ok;
    });
    if (gone !== undefined) throw new Error(`throughlined ended with ${gone}:\n${this.output}`);
  }

  async stop() {
    this.child.kill('SIGTERM');
    return this.exited;
  }

  async remove() {
    await this.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  async call(method, resource, body) {
    const response = await fetch(`${this.base}/v1/${resource}`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${resource}: HTTP ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  }

  get(resource) {
    return this.call('GET', resource);
  }

  post(resource, body) {
    return this.call('POST', resource, body);
  }

  async record(workspace, events) {
    const answer = await this.post(`workspaces/${workspace}/events:record`, { events });
    if (answer.rejectedCount) throw new Error(`Events were rejected: ${JSON.stringify(answer)}`);
    return answer;
  }
}

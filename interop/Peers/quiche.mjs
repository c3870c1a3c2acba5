// Cloudflare's quiche through the native binding of @matrixai/quic: HTTP/0.9 (hq-interop) in both roles, one process each.
//   node quiche.mjs client|server SETTINGS     SETTINGS is JSON, see interop/Matrix/Sides/QuicheSide.cs
import { createSocket } from 'node:dgram';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [role, text] = process.argv.slice(2);
const settings = JSON.parse(text);
const { default: quiche } = await import(pathToFileURL(join(settings.module, 'dist/native/quiche.js')).href);
const isV6 = settings.host.includes(':');
const buffer = Buffer.alloc(65536);

function makeConfig() {
  const config = role === 'server'
    ? quiche.Config.withBoringSslCtx(false, false, null, [readFileSync(settings.key)], [readFileSync(settings.cert)], null)
    : quiche.Config.withBoringSslCtx(false, false, null, null, null, null);
  config.setApplicationProtos(['hq-interop']);
  config.setMaxIdleTimeout(30000);
  config.setMaxRecvUdpPayloadSize(1452);
  config.setMaxSendUdpPayloadSize(1452);
  config.setInitialMaxData(1 << 20);
  config.setInitialMaxStreamDataBidiLocal(1 << 18);
  config.setInitialMaxStreamDataBidiRemote(1 << 18);
  config.setInitialMaxStreamDataUni(1 << 18);
  config.setInitialMaxStreamsBidi(100);
  config.setInitialMaxStreamsUni(100);
  config.setActiveConnectionIdLimit(4);
  config.grease(true);
  if (settings.early) {
    config.enableEarlyData();
  }
  return config;
}

// Sends what the connection has to say, and sets its timer anew.
function flush(conn, state) {
  for (;;) {
    const out = conn.send(buffer);
    if (out === null) {
      break;
    }
    const [length, info] = out;
    state.socketFor(info.from).send(Buffer.from(buffer.subarray(0, length)), info.to.port, info.to.host);
  }
  clearTimeout(state.timer);
  const timeout = conn.timeout();
  // One that is over has nothing to wait for, and a timer of it would keep this process from its end.
  if (timeout !== null && !conn.isClosed() && !state.isOver) {
    state.timer = setTimeout(() => { conn.onTimeout(); state.onProgress(); flush(conn, state); }, Math.max(1, timeout));
  }
}

const open = (address) => new Promise((resolve) => {
  const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 });
  socket.bind(0, address, () => resolve(socket));
});

async function connectOnce(files, session) {
  const any = settings.local ?? (isV6 ? '::1' : '127.0.0.1');
  const sockets = [await open(any)];
  const local = () => ({ host: any, port: sockets.at(-1).address().port });
  const peer = { host: settings.host, port: settings.port };
  const conn = quiche.Connection.connect(settings.name, randomBytes(16), local(), peer, makeConfig());
  if (session) {
    conn.setSession(session);
  }
  if (settings.keylog) {
    conn.setKeylog(settings.keylog);
  }
  const waiting = [...files], bodies = new Map();
  let done = 0, next = 0, moved = false, migrated = false, ended = false, sentEarly = 0;
  return await new Promise((resolve, reject) => {
    const state = {
      timer: undefined,
      socketFor: (from) => sockets.find((s) => s.address().port === from.port) ?? sockets.at(-1),
      onProgress: () => {
        if (ended) {
          return;
        }
        const mayAsk = conn.isEstablished() || conn.isInEarlyData();
        while (mayAsk && waiting.length > 0 && conn.peerStreamsLeftBidi() > 0) {
          const name = waiting.shift(), id = next;
          next += 4;
          bodies.set(id, { name, parts: [] });
          sentEarly += conn.isInEarlyData() ? 1 : 0;
          conn.streamSend(id, Buffer.from(`GET /${name}\r\n`), true);
        }
        for (const id of conn.readable()) {
          for (let piece; (piece = read(conn, id)) !== null;) {
            bodies.get(id).parts.push(piece.bytes);
            if (piece.fin) {
              writeFileSync(join(settings.downloads, basename(bodies.get(id).name)), Buffer.concat(bodies.get(id).parts));
              done++;
              break;
            }
          }
        }
        // A path of its own needs an ID of its own on both sides.
        while (settings.migrate && conn.isEstablished() && conn.sourceCidsLeft() > 0) {
          conn.newSourceCid(randomBytes(16), BigInt(`0x${randomBytes(16).toString('hex')}`), false);
        }
        if (settings.migrate && !moved && conn.isEstablished() && done > 0 && conn.availableDcids() > 0) {
          moved = true;
          open(any).then((socket) => { listen(socket); sockets.push(socket); conn.probePath(local(), peer); flush(conn, state); });
        }
        if (sockets.length > 1 && !migrated && conn.isPathValidated(local(), peer)) {
          migrated = true;
          conn.migrate(local(), peer);
        }
        const hasSession = !settings.wantSession || conn.session() !== null;
        if (done === files.length && hasSession && (!settings.migrate || migrated) && !conn.isClosed()) {
          ended = state.isOver = true;
          const result = { session: conn.session(), resumed: conn.isResumed(), early: sentEarly, moved };
          conn.close(true, 0, Buffer.alloc(0));
          flush(conn, state);
          clearTimeout(state.timer);
          setTimeout(() => { sockets.forEach((s) => s.close()); resolve(result); }, 20);
        } else if (conn.isClosed() || conn.isDraining()) {
          ended = state.isOver = true;
          clearTimeout(state.timer);
          sockets.forEach((s) => s.close());
          reject(new Error(`the connection ended: ${JSON.stringify(conn.peerError() ?? conn.localError() ?? 'timed out')}`));
        }
      },
    };
    const listen = (socket) => socket.on('message', (data, from) => {
      if (conn.isClosed()) {
        return;
      }
      try {
        conn.recv(data, { from: { host: from.address, port: from.port }, to: { host: any, port: socket.address().port } });
      } catch (e) {
        console.error(`recv: ${e.message}`);
      }
      state.onProgress();
      flush(conn, state);
    });
    listen(sockets[0]);
    // With a session, 0-RTT may be asked for before the first flight has left.
    flush(conn, state);
    if (session) {
      state.onProgress();
      flush(conn, state);
    }
  });
}

function read(conn, id) {
  const piece = Buffer.alloc(65536);
  try {
    const got = conn.streamRecv(id, piece);
    return got === null ? null : { bytes: piece.subarray(0, got[0]), fin: got[1] };
  } catch {
    return null;
  }
}

async function client() {
  if (settings.plan === 'resume' || settings.plan === 'early') {
    settings.wantSession = true;
    const first = await connectOnce(settings.files.slice(0, 1), null);
    settings.wantSession = false;
    const second = await connectOnce(settings.files.slice(1), first.session);
    if (!second.resumed || (settings.plan === 'early' && second.early === 0)) {
      throw new Error(`resumed ${second.resumed}, requests in 0-RTT ${second.early}`);
    }
    console.log(`resumed, ${second.early} requests in 0-RTT`);
  } else if (settings.plan === 'each') {
    for (const file of settings.files) {
      await connectOnce([file], null);
    }
  } else {
    const end = await connectOnce(settings.files, null);
    console.log(end.moved ? 'moved to another port' : 'done');
  }
}

function server() {
  const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 });
  const local = () => ({ host: settings.host, port: socket.address().port });
  const config = makeConfig();
  config.setTicketKey(randomBytes(48));
  const connections = new Map();

  function serve(entry) {
    const { conn, requests, answers } = entry;
    for (const id of conn.readable()) {
      for (let piece; (piece = read(conn, id)) !== null;) {
        const request = (requests.get(id) ?? '') + piece.bytes.toString('latin1');
        requests.set(id, request);
        if (piece.fin || request.endsWith('\n')) {
          let body;
          try {
            body = readFileSync(join(settings.www, basename(request.trim().slice(5))));
          } catch {
            conn.streamShutdown(id, 1, 1);
            break;
          }
          answers.set(id, body);
        }
        if (piece.fin) {
          break;
        }
      }
    }
    for (const [id, body] of answers) {
      try {
        const sent = conn.streamSend(id, body, true) ?? 0;
        if (sent === body.length) {
          answers.delete(id);
        } else {
          answers.set(id, body.subarray(sent));
        }
      } catch {
        // No room on this stream now.
      }
    }
  }

  function drop(entry) {
    clearTimeout(entry.state.timer);
    for (const [id, other] of connections) {
      if (other === entry) {
        connections.delete(id);
      }
    }
  }

  socket.on('message', (data, from) => {
    let header;
    try {
      header = quiche.Header.fromSlice(data, 16);
    } catch {
      return;
    }
    const key = Buffer.from(header.dcid).toString('hex');
    let entry = connections.get(key);
    if (!entry) {
      if (header.ty !== quiche.Type.Initial && header.ty !== quiche.Type.ZeroRTT) {
        return;
      }
      if (!quiche.versionIsSupported(header.version)) {
        const length = quiche.negotiateVersion(header.scid, header.dcid, buffer);
        socket.send(Buffer.from(buffer.subarray(0, length)), from.port, from.address);
        return;
      }
      let original = null, id = randomBytes(16);
      if (settings.retry) {
        const token = Buffer.from(header.token ?? []);
        if (token.length === 0) {
          const length = quiche.retry(header.scid, header.dcid, id, Buffer.concat([Buffer.from('retry'), Buffer.from(header.dcid)]), header.version, buffer);
          socket.send(Buffer.from(buffer.subarray(0, length)), from.port, from.address);
          return;
        }
        original = token.subarray(5);
        id = Buffer.from(header.dcid);
      }
      const conn = quiche.Connection.accept(id, original, local(), { host: from.address, port: from.port }, config);
      entry = { conn, requests: new Map(), answers: new Map(), ids: 1 };
      entry.state = { timer: undefined, socketFor: () => socket, onProgress: () => serve(entry) };
      connections.set(key, entry);
      connections.set(id.toString('hex'), entry);
    }
    const { conn, state } = entry;
    try {
      conn.recv(data, { from: { host: from.address, port: from.port }, to: local() });
    } catch (e) {
      console.error(`recv: ${e.message}`);
    }
    // Spare IDs, so that the client can move.
    while (conn.isEstablished() && conn.sourceCidsLeft() > 0) {
      const id = randomBytes(16);
      conn.newSourceCid(id, BigInt(`0x${randomBytes(16).toString('hex')}`), false);
      connections.set(id.toString('hex'), entry);
    }
    serve(entry);
    flush(conn, state);
    serve(entry);
    flush(conn, state);
    if (conn.isClosed()) {
      drop(entry);
    }
  });
  socket.bind(settings.port, settings.host, () => console.log(`ready ${socket.address().port}`));
}

await (role === 'server' ? server() : client());

import { Duplex } from "node:stream";
import { type Engine, Frames } from "./engine.ts";

/** Starts a program in a container; its stdin and stdout are the stream, `said()` is its stderr so far. */
export async function execStream(
  engine: Engine,
  container: string,
  argv: readonly string[],
  signal: AbortSignal,
): Promise<{ stream: Duplex; said: () => string; id: string }> {
  const { Id } = await engine.post<{ Id: string }>(`/containers/${container}/exec`, {
    signal,
    body: { AttachStdin: true, AttachStdout: true, AttachStderr: true, Tty: false, Cmd: argv },
  });
  const raw = await engine.hijack(`/exec/${Id}/start`, { Detach: false, Tty: false }, signal);
  const errors: string[] = [];
  return { stream: demultiplexed(raw, errors), said: () => errors.join(""), id: Id };
}

/** The standard input and output of a container's own program, which is started after this; `said()` is its stderr so far. */
export async function attachStream(
  engine: Engine,
  container: string,
  signal: AbortSignal,
): Promise<{ stream: Duplex; said: () => string }> {
  const path = `/containers/${container}/attach?stream=1&stdin=1&stdout=1&stderr=1`;
  const raw = await engine.hijack(path, undefined, signal);
  const errors: string[] = [];
  return { stream: demultiplexed(raw, errors), said: () => errors.join("") };
}

function demultiplexed(raw: Duplex, errors: string[]): Duplex {
  const frames = new Frames();
  const stream = new Duplex({
    read: () => void raw.resume(),
    write: (chunk: Buffer, _encoding, done) => void raw.write(chunk, done),
    final: (done) => void raw.end(done),
    destroy: (error, done) => {
      raw.destroy();
      done(error);
    },
  });
  raw.on("data", (chunk: Buffer) => {
    for (const frame of frames.push(chunk)) {
      if (frame.stream === "stderr") errors.push(frame.data.toString());
      else if (!stream.push(frame.data)) raw.pause();
    }
  });
  raw.once("end", () => stream.push(null));
  raw.on("error", (error) => stream.destroy(error));
  stream.on("error", (error) => errors.push(`\n${error.message}`));
  raw.once("close", () => stream.push(null));
  // What an http agent expects of a socket.
  return Object.assign(stream, {
    ref: () => stream,
    unref: () => stream,
    setKeepAlive: () => stream,
    setNoDelay: () => stream,
    setTimeout: () => stream,
  });
}

import http from "node:http";
import type { AddressInfo } from "node:net";

/** A server of one large file, whose line may be cut. */
export interface Depot extends AsyncDisposable {
  port: number;
  /** Bytes that were sent. */
  sent: number;
  requests: number;
  /** Called whenever bytes were sent. */
  onSent: (sent: number) => void;
}

const PIECE = 256 * 1024;

/** Serves `content` with ranges, at every path; `cuts`: how many answers end in the middle. */
export async function openDepot(content: Buffer, { host = "0.0.0.0", cuts = 0 } = {}): Promise<Depot> {
  let left = cuts;
  const server = http.createServer((request, response) => {
    const [, first = "0", last = ""] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "") ?? [];
    const end = last === "" ? content.length : Math.min(content.length, Number(last) + 1);
    const part = content.subarray(Number(first), end);
    const headers = { "content-length": String(part.length), etag: '"one"' };
    if (request.headers.range === undefined) response.writeHead(200, headers);
    else response.writeHead(206, { ...headers, "content-range": `bytes ${first}-${end - 1}/${content.length}` });
    depot.requests++;
    const until = part.length > PIECE && left-- > 0 ? Math.floor(part.length / 2) : part.length;
    send(response, part.subarray(0, until), until < part.length);
  });
  const send = (response: http.ServerResponse, bytes: Buffer, cut: boolean): void => {
    if (response.destroyed) return;
    const piece = bytes.subarray(0, PIECE);
    depot.sent += piece.length;
    depot.onSent(depot.sent);
    response.write(piece, () => {
      if (bytes.length > PIECE) return send(response, bytes.subarray(PIECE), cut);
      if (cut) response.destroy();
      else response.end();
    });
  };
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const depot: Depot = {
    port: (server.address() as AddressInfo).port,
    sent: 0,
    requests: 0,
    onSent: () => undefined,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return depot;
}

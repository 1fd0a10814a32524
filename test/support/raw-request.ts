import { request, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import { urlToHttpOptions } from 'node:url';
import { text } from 'node:stream/consumers';
import type { Answer } from './client.js';

/** One request with any header, Host included, which fetch does not let be set. Redirects are not followed. */
export function rawCall(
  url: string | RequestOptions,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const { method = 'GET', headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const sent = request(
      { ...(typeof url === 'string' ? urlToHttpOptions(new URL(url)) : url), method, headers },
      (answer) => {
        const fields = Object.entries(answer.headersDistinct).flatMap(([name, values]) =>
          values!.map((value): [string, string] => [name, value]),
        );
        text(answer).then((read) => {
          const json = answer.headers['content-type']?.includes('json') && read;
          resolve({ status: answer.statusCode!, headers: new Headers(fields), body: json ? JSON.parse(read) : read });
        }, reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** GET by HTTP/1.0, as old proxies ask; Node's own client speaks only 1.1. @returns the whole answer as text */
export async function oldCall(url: string, headers: Record<string, string> = {}): Promise<string> {
  const { host, hostname, port, pathname, search } = new URL(url);
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}`);
  const socket = connect(Number(port), hostname);
  // Half-closed, Node's server would hang up unheard.
  socket.write([`GET ${pathname}${search} HTTP/1.0`, ...lines, '', ''].join('\r\n'));
  return text(socket);
}

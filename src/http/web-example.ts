import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';

/** The folder of the built front end, which is in the repository but not in the image. */
const FOLDER = fileURLToPath(new URL('../../examples/web/dist/', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

// The page has neither inline scripts nor inline styles, and connects to this server only.
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * Serves the front end of `examples/web` at `/` if it has been built; otherwise does nothing. Its files are read once,
 * so that no request path reaches the file system.
 *
 * @returns whether it is served
 */
export function registerWebExample(app: FastifyInstance): boolean {
  if (!existsSync(join(FOLDER, 'index.html'))) return false;
  for (const entry of readdirSync(FOLDER, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const type = TYPES[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const content = readFileSync(path);
    const url = `/${path.slice(FOLDER.length)}`;
    // The build names assets by a hash of their content.
    const caching = url.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
    const headers = { 'cache-control': caching, 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer' };
    app.get(url === '/index.html' ? '/' : url, async (_request, reply) =>
      reply.headers(headers).type(type).send(content),
    );
  }
  return true;
}

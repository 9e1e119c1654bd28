import { fileRoute } from '../html/file-route.js';
import { createPageFile, createPageFileReader, presentPageFile } from '../html/page-file.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { contentSecurityPolicy, page } from './page.js';
import type { ApiPageDeps } from './services.js';
import { findDocsAccess } from './settings.js';

const route = routesOf<ApiPageDeps>();

const headers = { 'if-none-match': "The `ETag` of the client's copy." };
const notModified = { description: "The client's copy is current.", content: 'none' } as const;
const html = 'text/html; charset=utf-8';
const javascript = 'text/javascript; charset=utf-8';
const pageFile = createPageFile(Buffer.from(page));

/** The routes of the API page and of the files that it loads; no other file can be read. */
export const apiPageRoutes: readonly AnyRoute<ApiPageDeps>[] = [
  route({
    method: 'GET',
    path: '/docs',
    // A person who is not signed in gets a page that leads to the sign-in; the files' errors are for programs.
    family: 'html',
    summary: 'Open the API page, which shows this document and can send requests',
    access: 'public',
    accessBy: findDocsAccess,
    audit: { none: 'a read changes nothing' },
    redirectSlash: true,
    headers,
    answers: { 200: { description: 'The page.', content: { file: html } }, 304: notModified },
    handle(_deps, request) {
      const reply = presentPageFile(pageFile, html, request);
      const security = { 'Content-Security-Policy': contentSecurityPolicy, 'Referrer-Policy': 'no-referrer' };
      return { ...reply, headers: { ...reply.headers, ...security } };
    },
  }),
  fileRoute(
    '/docs/start.js',
    javascript,
    createPageFileReader(() => import.meta.resolve('./start.js')),
    findDocsAccess,
  ),
  fileRoute(
    '/docs/swagger-ui.css',
    'text/css; charset=utf-8',
    createPageFileReader(() => import.meta.resolve('swagger-ui-dist/swagger-ui.css')),
    findDocsAccess,
  ),
  fileRoute(
    '/docs/swagger-ui-bundle.js',
    javascript,
    createPageFileReader(() => import.meta.resolve('swagger-ui-dist/swagger-ui-bundle.js')),
    findDocsAccess,
  ),
];

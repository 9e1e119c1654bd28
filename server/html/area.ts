import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import type { AnyRoute } from '../http/route.js';
import { fileRoute } from './file-route.js';
import { htmlFamily } from './html-family.js';
import { createPageFile } from './page-file.js';
import { pageStyle } from './page-style.js';

const styleFile = createPageFile(Buffer.from(pageStyle));

/** What all pages share: their frame, their style sheet, and the pages of errors. */
export const htmlArea: Area<object, Core, AnyRoute<Core>> = {
  name: 'html',
  families: [htmlFamily],
  routes: [fileRoute('/static/page.css', 'text/css; charset=utf-8', () => styleFile)],
};

import type { ComponentChildren } from 'preact';
import { renderToString } from 'preact-render-to-string';

/** What every page has. */
export interface PageProps {
  /** The title without the product's name. */
  title: string;
  basePath: string;
  /** A script of `/static`. */
  script?: string;
  children: ComponentChildren;
}

/** A whole page: its head, the product's name as a link to the start page, and its content. */
function Page({ title, basePath, script, children }: PageProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title === '' ? 'Queuepass' : `${title} · Queuepass`}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href={`${basePath}/static/page.css`} />
        {script && <script src={`${basePath}/static/${script}`} type="module" />}
      </head>
      <body>
        <header>
          <a href={`${basePath}/`}>Queuepass</a>
        </header>
        <main>
          {title !== '' && <h1>{title}</h1>}
          {children}
        </main>
      </body>
    </html>
  );
}

/** Returns the HTML of a page. */
export function renderPage(props: PageProps): string {
  return `<!doctype html>\n${renderToString(<Page {...props} />)}\n`;
}

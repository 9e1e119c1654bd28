import type { ComponentChildren } from 'preact';
import { renderToString } from 'preact-render-to-string';
import type { Viewer } from './viewer.js';

/** What every page has. */
export interface PageProps {
  /** The title without the product's name; empty for the start page. */
  title: string;
  basePath: string;
  /** A script of `/static`. */
  script?: string;
  /** Who looks at the page; absent if the page does not know. */
  viewer?: Viewer | undefined;
  children: ComponentChildren;
}

/** The main pages by their paths. */
const mainPages = { '/agents': 'Agents', '/jobs': 'Jobs', '/queues': 'Queues' };

/** A whole page: its head, a header with the links to the other pages, and its content. */
function Page({ title, basePath, script, viewer, children }: PageProps) {
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
        <a class="skip" href="#content">
          Skip to content
        </a>
        <header>
          <a class="home" href={`${basePath}/`}>
            Queuepass
          </a>
          {viewer?.seesLists && <MainLinks title={title} basePath={basePath} />}
          {viewer && <Account viewer={viewer} basePath={basePath} />}
        </header>
        <main id="content" tabIndex={-1}>
          <h1 id="title">{title || 'Queuepass'}</h1>
          {children}
        </main>
      </body>
    </html>
  );
}

function MainLinks({ title, basePath }: Pick<PageProps, 'title' | 'basePath'>) {
  return (
    <nav aria-label="Main">
      {Object.entries(mainPages).map(([path, name]) => (
        <a key={path} href={basePath + path} aria-current={name === title ? 'page' : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}

function Account({ viewer: { name, signIn }, basePath }: { viewer: Viewer; basePath: string }) {
  if (name === undefined)
    return signIn === undefined ? null : (
      <p class="account">
        <a href={signIn}>Sign In</a>
      </p>
    );
  return (
    <p class="account">
      <span>
        Signed in as <strong>{name}</strong>
      </span>{' '}
      <a href={`${basePath}/auth/logout`}>Sign Out</a>
    </p>
  );
}

/** Returns the HTML of a page. */
export function renderPage(props: PageProps): string {
  return `<!doctype html>\n${renderToString(<Page {...props} />)}\n`;
}

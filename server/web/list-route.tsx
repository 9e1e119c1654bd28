import type { ComponentChildren } from 'preact';
import type { Core } from '../core/core.js';
import { presentPage } from '../html/present-page.js';
import { describeViewer } from '../html/viewer.js';
import { type AnyRoute, type RouteRequest, routesOf } from '../http/route.js';
import { roleGroups } from '../principal/roles.js';
import { openObject, text } from '../schema/schema.js';
import { findSignInPath, type SessionSettings } from '../sessions/settings.js';
import { webErrors } from './errors.js';

/** Rows of a list on one page. */
export const pageSize = 50;

/** One page of a list. */
export interface Listed<Row> {
  rows: readonly Row[];
  /** The cursor of the next page; absent on the last one. */
  next: string | undefined;
}

/** A column of a list. The first column names the row. */
export interface Column<Row> {
  heading: string;
  className?: string;
  show(row: Row): ComponentChildren;
}

/** A page with a list. */
export interface ListPage<D, Row> {
  path: string;
  title: string;
  summary: string;
  columns: readonly Column<Row>[];
  /** What a page without rows says. */
  empty: string;
  /** Reads one page. @param after the cursor of an earlier page @throws ApiError 400 for a cursor that is not valid */
  read(deps: D, after: string | undefined): Promise<Listed<Row>>;
}

type ListDeps = Core & { config: SessionSettings & { oidc: boolean } };

/** Declares the route of a page with a list. */
export function listRoute<D extends ListDeps, Row>(page: ListPage<D, Row>): AnyRoute<D> {
  const { path, title, summary } = page;
  return routesOf<D>()({
    method: 'GET',
    path,
    family: 'html',
    summary,
    access: { roles: roleGroups.submitters },
    audit: { none: 'a read changes nothing' },
    query: openObject({ after: text().optional() }),
    answers: { 200: { description: 'The page.', content: { file: 'text/html; charset=utf-8' } } },
    errors: [webErrors.cursorInvalid],
    async handle(deps, request) {
      const { after } = request.query;
      const listed = await page.read(deps, after);
      const viewer = { ...describeViewer(request.principal), signIn: findSignIn(deps, request) };
      const { basePath } = request.origin;
      const children = <List page={page} listed={listed} after={after} url={basePath + path} />;
      return presentPage(request, { title, viewer, children });
    },
  });
}

/** Returns the path at which an anonymous viewer signs in, and which leads back to the page. */
function findSignIn({ config }: ListDeps, { origin, target }: RouteRequest): string | undefined {
  const path = findSignInPath(config);
  return path && `${origin.basePath}${path}?next=${encodeURIComponent(target)}`;
}

interface ListProps<Row> {
  page: Pick<ListPage<never, Row>, 'columns' | 'empty'>;
  listed: Listed<Row>;
  after: string | undefined;
  url: string;
}

function List<Row>({ page, listed: { rows, next }, after, url }: ListProps<Row>) {
  if (rows.length === 0)
    return (
      <p class="empty">
        {after === undefined ? page.empty : 'Nothing follows here.'}{' '}
        {after !== undefined && <a href={url}>First page</a>}
      </p>
    );
  return (
    <>
      <Table columns={page.columns} rows={rows} />
      <p class="pages">
        {after !== undefined && <a href={url}>First page</a>}
        {next !== undefined && (
          <a href={`${url}?after=${encodeURIComponent(next)}`} rel="next">
            Next page
          </a>
        )}
      </p>
    </>
  );
}

/** A table that scrolls sideways on a narrow screen, also by the keyboard. */
function Table<Row>({ columns, rows }: { columns: readonly Column<Row>[]; rows: readonly Row[] }) {
  return (
    <div class="table" role="region" aria-labelledby="title" tabIndex={0}>
      <table aria-labelledby="title">
        <thead>
          <tr>
            {columns.map(({ heading, className }) => (
              <th key={heading} scope="col" class={className}>
                {heading}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, place) => (
            <tr key={place}>
              {columns.map(({ heading, className, show }, column) =>
                column === 0 ? (
                  <th key={heading} scope="row" class={className}>
                    {show(row)}
                  </th>
                ) : (
                  <td key={heading} class={className}>
                    {show(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

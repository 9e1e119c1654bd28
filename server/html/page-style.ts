/** The style sheet of all pages. A text in a module, since the build copies no files. */
export const pageStyle = `:root {
  color-scheme: light dark;
  --page: #ffffff;
  --panel: #f5f6f8;
  --text: #1c2128;
  --quiet: #57606a;
  --line: #d3d8de;
  --field: #767f89;
  --link: #0b57d0;
  --on-link: #ffffff;
  --alert: #b3261e;
  --alert-panel: #fdf0ef;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  line-height: 1.5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181d;
    --panel: #1d232a;
    --text: #e6e9ed;
    --quiet: #a5aeb8;
    --line: #39424c;
    --field: #7d8894;
    --link: #8ab4f8;
    --on-link: #10151b;
    --alert: #f2a19b;
    --alert-panel: #33201f;
  }
}
body {
  background: var(--page);
  color: var(--text);
  margin: 0;
  overflow-wrap: anywhere;
}
header {
  align-items: baseline;
  background: var(--panel);
  border-bottom: 1px solid var(--line);
  display: flex;
  flex-wrap: wrap;
  gap: 0.25rem 1.5rem;
  padding: 0.5rem max(1rem, calc(50% - 36rem));
}
header a {
  display: inline-block;
  padding: 0.25rem 0;
}
header .home {
  color: var(--text);
  font-weight: 700;
  text-decoration: none;
}
nav {
  display: flex;
  flex-wrap: wrap;
  gap: 0 1.25rem;
}
nav a {
  text-decoration: none;
}
nav a[aria-current] {
  border-bottom: 2px solid currentColor;
  color: var(--text);
}
.account {
  color: var(--quiet);
  display: flex;
  flex-wrap: wrap;
  gap: 0 1rem;
  align-items: baseline;
  margin: 0 0 0 auto;
}
.account strong {
  color: var(--text);
  font-weight: 600;
}
main {
  margin: 0 auto;
  max-width: 72rem;
  padding: 1.5rem 1rem 3rem;
}
main:focus {
  outline: none;
}
h1 {
  font-size: 1.6rem;
  line-height: 1.25;
  margin: 0 0 1rem;
}
a {
  color: var(--link);
}
:focus-visible {
  border-radius: 2px;
  outline: 3px solid var(--link);
  outline-offset: 2px;
}
.skip {
  background: var(--page);
  left: 1rem;
  padding: 0.5rem 1rem;
  position: absolute;
  top: 0.5rem;
}
.skip:not(:focus) {
  clip-path: inset(50%);
  height: 1px;
  overflow: hidden;
  padding: 0;
  white-space: nowrap;
  width: 1px;
}
form,
main > p,
[role="alert"] {
  max-width: 40rem;
}
label {
  display: block;
  font-weight: 600;
  margin: 1rem 0 0.25rem;
}
input,
button,
.button {
  border-radius: 0.25rem;
  box-sizing: border-box;
  font: inherit;
  max-width: 100%;
  padding: 0.5rem 0.75rem;
}
input {
  background: var(--page);
  border: 1px solid var(--field);
  color: var(--text);
  width: 24rem;
}
button,
.button {
  background: var(--link);
  border: 1px solid var(--link);
  color: var(--on-link);
  cursor: pointer;
  display: inline-block;
  font-weight: 600;
  text-decoration: none;
}
form button {
  margin-top: 1.25rem;
}
button:hover,
.button:hover {
  text-decoration: underline;
}
.hint,
.note,
.empty {
  color: var(--quiet);
}
.hint {
  margin: 0 0 0.25rem;
}
[role="alert"] {
  background: var(--alert-panel);
  border-left: 0.25rem solid var(--alert);
  margin: 0 0 1rem;
  padding: 0.5rem 0.75rem;
}
.table {
  border: 1px solid var(--line);
  border-radius: 0.25rem;
  overflow-x: auto;
}
table {
  border-collapse: collapse;
  font-variant-numeric: tabular-nums;
  width: 100%;
}
th,
td {
  padding: 0.4rem 0.75rem;
  text-align: left;
  unicode-bidi: isolate;
  vertical-align: top;
}
td,
tbody th {
  border-top: 1px solid var(--line);
  max-width: 28rem;
  min-width: 8rem;
}
td.number {
  min-width: 0;
}
thead th {
  background: var(--panel);
  color: var(--quiet);
  font-size: 0.875rem;
  font-weight: 600;
  overflow-wrap: normal;
  white-space: nowrap;
}
tbody th {
  font-weight: 600;
}
.number {
  text-align: right;
}
tbody .id {
  font-family: ui-monospace, "Liberation Mono", monospace;
  font-size: 0.875rem;
  font-weight: 400;
}
time,
tbody .id {
  white-space: nowrap;
}
`;

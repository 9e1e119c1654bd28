/** The style sheet of all pages. A text in a module, since the build copies no files. */
export const pageStyle = `:root {
  color-scheme: light dark;
  font-family: system-ui, sans-serif;
  line-height: 1.5;
}
body {
  margin: 0 auto;
  max-width: 60rem;
  padding: 1rem;
}
header a {
  font-weight: bold;
  text-decoration: none;
}
label {
  display: block;
  margin: 0.75rem 0 0.25rem;
}
input,
button {
  box-sizing: border-box;
  font: inherit;
  max-width: 100%;
  padding: 0.4rem 0.6rem;
}
input {
  width: 24rem;
}
button {
  margin-top: 1rem;
}
table {
  border-collapse: collapse;
}
th,
td {
  padding: 0.3rem 1rem 0.3rem 0;
  text-align: left;
}
nav a {
  margin-right: 1rem;
}
[role="alert"] {
  border-left: 0.25rem solid currentColor;
  padding-left: 0.75rem;
}
`;

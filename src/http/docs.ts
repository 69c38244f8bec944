import { createHash } from 'node:crypto';

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --accent: #0a6cba; }
@media (prefers-color-scheme: dark) { :root { --accent: #6cb8f6; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h2 { margin: 2rem 0 .5rem; text-transform: capitalize; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .4rem 0; }
summary { padding: .5rem .75rem; cursor: pointer; }
details > div { padding: 0 .75rem .75rem; overflow-x: auto; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { background: var(--soft); border-radius: 6px; padding: .6rem; max-height: 26rem; overflow: auto; }
.method { color: var(--accent); font-weight: 700; display: inline-block; min-width: 4.2rem; }
.roles { opacity: .75; font-size: 13px; }
table { border-collapse: collapse; }
td, th { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; }
`;

/** The page may run its own script, read its own origin, and nothing else. */
export const DOCS_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "connect-src 'self'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const DOCS_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Postrider API</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Postrider API</h1>
<p>Made from <a href="/openapi.json">openapi.json</a>. Calls carry <code>Authorization: Bearer &lt;key&gt;</code>.</p>
<main id="operations">Loading …</main>
<script src="/docs/app.js"></script>
</body>
</html>
`;

/** Builds the page with text nodes alone: nothing in the document can become markup. */
export const DOCS_SCRIPT = `'use strict';
const make = (tag, className, ...children) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
};
const code = (text) => make('code', '', text);
const json = (value) => make('pre', '', JSON.stringify(value, null, 2));

function withDetails(title, fill) {
  const body = make('div');
  const details = make('details', '', make('summary', '', ...title), body);
  details.addEventListener('toggle', () => { if (!body.hasChildNodes()) body.append(...fill()); });
  return details;
}

function parameterTable(parameters) {
  const rows = parameters.map(({ name, in: place, required, schema }) => make('tr', '',
    make('td', '', code(name)), make('td', '', place + (required ? ', required' : '')),
    make('td', '', code(JSON.stringify(schema)))));
  return make('table', '', make('tbody', '', ...rows));
}

function response(status, answer) {
  const schema = Object.values(answer.content ?? {})[0]?.schema;
  const head = make('h4', '', status + ' ' + (answer.description ?? ''));
  return schema ? [head, json(schema)] : [head];
}

function operation(method, path, item, components) {
  const title = [make('span', 'method', method.toUpperCase()), code(path), ' ', item.summary, ' ',
    make('span', 'roles', item['x-roles'] ? '(' + item['x-roles'].join(', ') + ')' : '(no key)')];
  return withDetails(title, () => {
    const parts = [];
    if (item.parameters?.length) parts.push(make('h4', '', 'Parameters'), parameterTable(item.parameters));
    if (item.requestBody) {
      parts.push(make('h4', '', 'Body'), json(item.requestBody.content['application/json'].schema));
    }
    const problems = [];
    for (const [status, answer] of Object.entries(item.responses)) {
      if (!answer.$ref) parts.push(...response(status, answer));
      else problems.push(status + ' ' + components.responses[answer.$ref.split('/').pop()].description);
    }
    if (problems.length) {
      parts.push(make('h4', '', 'Problems'),
        make('ul', '', ...problems.map((text) => make('li', '', text))));
    }
    return parts;
  });
}

async function show() {
  const answer = await fetch('/openapi.json');
  if (!answer.ok) throw new Error('openapi.json answered ' + answer.status);
  const { info, tags, paths, components } = await answer.json();
  const main = document.getElementById('operations');
  main.replaceChildren(make('p', 'roles', 'Version ' + info.version));
  for (const { name } of tags) {
    main.append(make('h2', '', name));
    for (const [path, items] of Object.entries(paths)) {
      for (const [method, item] of Object.entries(items)) {
        if (item.tags[0] === name) main.append(operation(method, path, item, components));
      }
    }
  }
  main.append(make('h2', '', 'Schemas'));
  for (const [name, schema] of Object.entries(components.schemas)) {
    main.append(withDetails([code(name)], () => [json(schema)]));
  }
}

show().catch((error) => { document.getElementById('operations').textContent = String(error); });
`;

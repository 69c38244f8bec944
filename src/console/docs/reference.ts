import type { Header, Plugin, System } from 'swagger-ui-dist/swagger-ui-es-bundle.js';
import { curlOf } from './curl.ts';
import { type Document, groupsOf, matches, type Operation, webhooksOf } from './groups.ts';

/** What Swagger UI does not bring: groups to go to, a search in all that is shown, curl without a call. */
export const reference: Plugin = {
  components: { Reference },
  fn: { opsFilter },
  wrapComponents: {
    // One server, and the page is its own.
    ServersContainer: () => () => null,
    // The navigation has the search, and does not scroll away.
    FilterContainer: () => () => null,
    // A link inside of the button that unfolds the operation is out of reach for the keyboard.
    DeepLink:
      (Original, { React }) =>
      (props) =>
        props.path?.includes('/')
          ? React.createElement('span', null, props.text)
          : React.createElement(Original, props),
    // The library waits for an answer's end before it shows anything.
    execute:
      (Original, { React, specSelectors }) =>
      (props) => {
        const { path = '', method = '' } = props;
        const answer = ['paths', path, method, 'responses', '200', 'content', 'text/event-stream'];
        return specSelectors.specJson().getIn(answer) === undefined
          ? React.createElement(Original, props)
          : React.createElement('p', null, 'A stream has no end: use curl -N.');
      },
    // Those of every answer would be nine tenths of the page; the introduction tells them once.
    headers:
      (Original, { React }) =>
      (props) =>
        React.createElement(Original, {
          ...props,
          headers: props.headers?.filter(isParticular) ?? null,
        }),
    // The library shows them all, whatever is searched for.
    Webhooks: (Original, system) => (props) => {
      const all = system.specSelectors.selectWebhooksOperations();
      const fitting = webhooksOf(documentOf(system), phraseOf(system));
      const specSelectors = {
        ...system.specSelectors,
        selectWebhooksOperations: () =>
          Object.fromEntries(fitting.flatMap((name) => (all[name] ? [[name, all[name]]] : []))),
      };
      return system.React.createElement(Original, { ...props, specSelectors });
    },
    responses: (Original, system) => (props) => {
      const { createElement, Fragment } = system.React;
      const { path = '', method = '' } = props;
      // A webhook is a call that the gateway makes.
      if (!(path in documentOf(system).paths)) return createElement(Original, props);
      const curl = createElement(
        'section',
        { className: 'curl' },
        createElement('h4', null, 'curl'),
        createElement('pre', null, curlOf(system, path, method)),
      );
      return createElement(Fragment, null, curl, createElement(Original, props));
    },
  },
};

/** A route's own `Cache-Control` is no reference, and is shown. */
function isParticular(header: Header, name: string): boolean {
  return (
    header.get('$$ref') === undefined || !/^(x-request-id|cache-control|ratelimit-)/i.test(name)
  );
}

/** Without its parts as long as it has not come. */
function documentOf({ specSelectors }: System): Partial<Document> & Pick<Document, 'paths'> {
  const document = specSelectors.specJson().toJS() as Partial<Document>;
  return { ...document, paths: document.paths ?? {} };
}

/** What is searched for. */
function phraseOf({ layoutSelectors }: System): string {
  const filter = layoutSelectors.currentFilter();
  return typeof filter === 'string' ? filter : '';
}

function Reference(system: System) {
  const { React, getComponent, layoutActions } = system;
  const { createElement } = React;
  const phrase = phraseOf(system);
  const groups = groupsOf(documentOf(system), phrase);
  const link = ({ tag, id, method, path }: Operation) =>
    createElement(
      'li',
      { key: id },
      createElement(
        'a',
        { href: `#/${encodeURIComponent(tag)}/${id}` },
        createElement('span', { className: `method ${method}` }, method.toUpperCase()),
        createElement('span', null, path.replace(/^\/v1/, '')),
      ),
    );
  const navigation = groups.map(({ name, operations }) =>
    createElement(
      'details',
      { key: name, open: phrase !== '' },
      createElement('summary', null, name),
      createElement('ul', null, operations.map(link)),
    ),
  );
  const search = createElement('input', {
    type: 'search',
    value: phrase,
    placeholder: 'Search',
    'aria-label': 'Search operations',
    onChange: (event) => layoutActions.updateFilter(event.target.value),
  });
  const body = createElement(getComponent('BaseLayout', true));
  return createElement(
    'div',
    { className: 'reference' },
    createElement('nav', { 'aria-label': 'Operations' }, search, navigation),
    createElement('section', { 'aria-label': 'Reference' }, body),
  );
}

interface Entries<T> {
  map(change: (value: T, name: string) => T): Entries<T>;
  filter(keep: (value: T) => boolean): Entries<T>;
}
interface Group {
  update(name: 'operations', change: (all: Entries<Listed>) => Entries<Listed>): Group;
  get(name: 'operations'): { size: number };
}
interface Listed {
  get(name: string): unknown;
  getIn(path: readonly string[]): unknown;
}

/** The library's own looks at paths and tags alone. */
function opsFilter(tagged: Entries<Group>, phrase: string): Entries<Group> {
  const fits = (tag: string) => (operation: Listed) =>
    matches(phrase, [
      tag,
      String(operation.get('method')),
      String(operation.get('path')),
      String(operation.getIn(['operation', 'summary'])),
    ]);
  return tagged
    .map((group, tag) => group.update('operations', (all) => all.filter(fits(tag))))
    .filter((group) => group.get('operations').size > 0);
}

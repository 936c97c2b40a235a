// GraphiQL with the caller chosen above it, and receipt and obligations below it.
import { World, ask, el, outcome } from './client.js';

const { React, ReactDOM, GraphiQL } = globalThis;
const $ = (id) => document.getElementById(id);
const wanted = new URLSearchParams(location.hash.slice(1));

const documents = {
  welcome: '# Ctrl-Enter runs; Ctrl-Space completes. What you cannot see does not exist for this token.\n{\n  me { id organisation purpose agreement { id status } }\n}\n',
  access: '# What may I see, and how is it changed on the way?\n{\n  myAccess {\n    type\n    agency\n    fields { name classification effect method reason }\n  }\n}\n',
};

const root = ReactDOM.createRoot($('graphiql'));
const state = { headers: {}, fresh: async () => ({}), query: documents[wanted.get('document')], variables: undefined };
$('persona') ? demo() : withToken();

async function demo() {
  let world;
  try {
    world = await World.load();
  } catch {
    $('problem').textContent = 'The demo’s personas could not be loaded; requests go without a token.';
    $('problem').hidden = false;
    draw();
    return;
  }
  fill($('persona'), world.personas, wanted.get('persona') ?? world.personas[0]?.name);
  fill($('question'), world.questions, wanted.get('question') ?? '');
  const question = () => {
    const q = world.questions.find((item) => item.name === $('question').value);
    if (!q) return;
    state.query = q.document;
    state.variables = JSON.stringify(q.variables ?? {}, null, 2);
  };
  const persona = async () => {
    state.fresh = () => world.headers($('persona').value);
    state.headers = await state.fresh().catch(() => ({}));
  };
  $('persona').addEventListener('change', async () => { await persona(); forget(); draw(); });
  $('question').addEventListener('change', () => { question(); draw(); });
  question();
  await persona();
  draw();
}

function fill(select, items, chosen) {
  select.append(...items.map((item) => el('option', { value: item.name, selected: item.name === chosen }, item.title)));
  select.value = chosen;
  select.disabled = false;
}

function withToken() {
  const changed = () => {
    const token = $('token').value.trim();
    state.headers = token ? { Authorization: `Bearer ${token}` } : {};
    state.fresh = async () => state.headers;
    forget();
    draw();
  };
  $('token').addEventListener('change', changed);
  draw();
}

/** draw hands GraphiQL a new fetcher each time: that is what makes it ask for the schema again, as this caller. */
function draw() {
  root.render(React.createElement(GraphiQL, {
    fetcher: fetcher(state.headers, state.fresh),
    headers: JSON.stringify(state.headers, null, 2),
    query: state.query,
    variables: state.variables,
    defaultQuery: documents.welcome,
    shouldPersistHeaders: false,
  }));
}

/** fetcher renews the token that was filled in above, and leaves one that the visitor wrote as it is. */
function fetcher(filled, fresh) {
  return async (operation, options = {}) => {
    const headers = { ...options.headers };
    if (operation.operationName === 'IntrospectionQuery' || headers.Authorization === filled.Authorization) {
      Object.assign(headers, await fresh().catch(() => ({})));
    }
    const reply = await ask(operation, headers);
    if (operation.operationName !== 'IntrospectionQuery') $('outcome').replaceChildren(...outcome(reply));
    return reply.answer;
  };
}

function forget() {
  $('outcome').replaceChildren(el('p', { class: 'quiet' }, 'Another caller: run the query again.'));
}

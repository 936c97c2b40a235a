// The demo's bench: choose a persona and a question, ask, compare. Without the demo only addresses are filled in.
import { World, ask, codes, concordat, el, outcome } from './client.js';
import { rowCount, tables } from './table.js';

const $ = (id) => document.getElementById(id);
for (const node of document.querySelectorAll('[data-origin]')) node.textContent = location.origin;
if ($('ask')) start();

async function start() {
  let world;
  try {
    world = await World.load();
  } catch {
    fail('The demo’s questions could not be loaded. Is the gateway still running?');
    return;
  }
  const bench = new Bench(world);
  bench.show();
  // A link can name what to show and have it asked: #persona=analyst&question=...&run
  if (bench.wanted.has('run')) bench.run();
}

function fail(text) {
  $('problem').textContent = text;
  $('problem').hidden = false;
}

class Bench {
  constructor(world) {
    this.world = world;
    this.wanted = new URLSearchParams(location.hash.slice(1));
    this.persona = find(world.personas, this.wanted.get('persona'));
    this.question = find(world.questions, this.wanted.get('question'));
    this.turn = 0; // the newest request; an older one's answer is not shown
  }

  show() {
    const { personas, questions } = this.world;
    $('personas').replaceChildren(...personas.map((p) => this.#choice('persona', p, el('strong', {}, p.title), el('span', {}, p.story))),
      this.#choice('persona', { name: '' }, el('strong', {}, 'Nobody'), el('span', {}, 'A request without a token.')));
    $('questions').replaceChildren(...questions.map((q) => this.#choice('question', q, el('span', {}, q.title))));
    $('run').addEventListener('click', () => this.run());
    $('compare').addEventListener('click', () => this.compare());
    $('run').disabled = $('compare').disabled = !this.question;
    this.#chosen();
  }

  #choice(kind, item, ...label) {
    const input = el('input', { type: 'radio', name: kind, value: item.name, checked: item === this[kind] });
    input.addEventListener('change', () => {
      this[kind] = item;
      this.#chosen();
    });
    return el('label', { class: 'choice' }, input, el('span', { class: 'text' }, ...label));
  }

  #chosen() {
    if (!this.question) return;
    $('question-title').textContent = this.question.title;
    $('document').textContent = documentText(this.question);
    $('open').href = `/graphiql#${new URLSearchParams({ persona: this.persona?.name ?? '', question: this.question.name })}`;
    this.turn++;
    $('result').replaceChildren();
    $('result').setAttribute('aria-busy', 'false');
  }

  async run() {
    const turn = this.#begin('Asking…');
    const reply = await this.#ask(this.persona);
    if (turn === this.turn) this.#end(answer(reply));
  }

  /** compare asks as each persona in turn, so that the times can be read. */
  async compare() {
    const turn = this.#begin('Asking as everyone…');
    const rows = [];
    for (const persona of [...this.world.personas, { name: '', title: 'Nobody' }]) {
      const reply = await this.#ask(persona);
      if (turn !== this.turn) return;
      rows.push(comparison(persona, reply));
    }
    this.#end([comparisonTable(rows)]);
  }

  async #ask(persona) {
    const { document: query, variables } = this.question;
    const headers = await this.world.headers(persona?.name).catch(() => ({}));
    return ask({ query, variables }, headers);
  }

  #begin(text) {
    $('result').setAttribute('aria-busy', 'true');
    $('result').replaceChildren(el('p', { class: 'quiet' }, text));
    return ++this.turn;
  }

  #end(nodes) {
    $('result').replaceChildren(...nodes);
    $('result').setAttribute('aria-busy', 'false');
  }
}

const find = (items, name) => items.find((item) => item.name === name) ?? items[0];

function documentText({ document: text, variables }) {
  const hasVariables = variables && Object.keys(variables).length > 0;
  return hasVariables ? `${text.trim()}\n\n# variables\n${JSON.stringify(variables, null, 2)}` : text.trim();
}

function answer(reply) {
  return [
    el('p', { class: 'status' }, el('strong', {}, reply.status ? `HTTP ${reply.status}` : 'No answer'), ` in ${Math.round(reply.elapsed)} ms`),
    ...tables(reply.answer.data),
    el('details', { class: 'json' }, el('summary', {}, 'The answer as JSON'),
      el('pre', { tabindex: 0 }, el('code', {}, JSON.stringify({ data: reply.answer.data, errors: reply.answer.errors }, null, 2)))),
    el('div', { class: 'outcome' }, ...outcome(reply)),
  ];
}

function comparison(persona, { status, answer }) {
  const { receipt, obligations = [] } = concordat(answer);
  return [
    persona.title,
    status ? String(status) : 'no answer',
    answer.data ? String(rowCount(answer.data)) : 'none',
    obligations.map((o) => `${o.coordinate}: ${o.method}`).join(', ') || 'nothing',
    [...codes(answer)].map(([code, n]) => (n > 1 ? `${code} × ${n}` : code)).join(', ') || 'nothing',
    receipt ? String(receipt.index) : 'none',
  ];
}

function comparisonTable(rows) {
  const heads = ['As', 'HTTP', 'Rows', 'Changed', 'Withheld', 'Receipt'];
  return el('figure', {}, el('figcaption', {}, 'The same question, asked as everyone'),
    el('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'Comparison' }, el('table', { class: 'compare' },
      el('thead', {}, el('tr', {}, ...heads.map((h) => el('th', { scope: 'col' }, h)))),
      el('tbody', {}, ...rows.map(([who, ...cells]) => el('tr', {}, el('th', { scope: 'row' }, who), ...cells.map((c) => el('td', {}, c))))))));
}

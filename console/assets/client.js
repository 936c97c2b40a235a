// What both pages share: asking POST /graphql, and showing what was done to an answer. Everything from outside goes
// onto the page as text nodes.

/** el makes an element. Children are nodes or text; attributes are set as given, handlers under "on...". */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value != null) node.setAttribute(name, String(value));
  }
  node.append(...children.filter((c) => c != null));
  return node;
}

/** ask sends one operation. It resolves also for refusals: status 0 means that no answer came. */
export async function ask(operation, headers = {}) {
  const started = performance.now();
  try {
    const response = await fetch('/graphql', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json, application/json', ...headers },
      body: JSON.stringify(operation),
      credentials: 'omit',
    });
    const text = await response.text();
    const answer = parse(text);
    return { status: response.status, elapsed: performance.now() - started, text, answer };
  } catch {
    return { status: 0, elapsed: performance.now() - started, text: '', answer: message('The gateway did not answer.') };
  }
}

function parse(text) {
  try {
    const answer = JSON.parse(text);
    if (answer && typeof answer === 'object' && !Array.isArray(answer)) return answer;
  } catch { /* said below */ }
  return message('The gateway answered something that is not JSON.');
}

const message = (text) => ({ errors: [{ message: text }] });

/** World is the demo's personas and questions, with tokens that are fetched again before they are old. */
export class World {
  static async load() {
    const world = new World();
    await world.#fetch();
    return world;
  }

  async #fetch() {
    const response = await fetch('/demo/world.json', { cache: 'no-store' });
    if (!response.ok) throw new Error(`status ${response.status}`);
    const { personas, questions, tokens } = await response.json();
    this.personas = personas ?? [];
    this.questions = questions ?? [];
    this.tokens = tokens ?? {};
    this.fetched = Date.now();
  }

  /** headers authenticate as a persona; none for the empty name. */
  async headers(persona) {
    if (!persona) return {};
    if (Date.now() - this.fetched > 60_000) await this.#fetch();
    const token = this.tokens[persona];
    return token ? { Authorization: `Bearer ${token}` } : {};
  }
}

/** concordat is the extension of an answer that holds receipt and obligations. */
export const concordat = (answer) => answer.extensions?.concordat ?? {};

/** codes counts the errors of an answer by code. */
export function codes(answer) {
  const counts = new Map();
  for (const error of answer.errors ?? []) {
    const code = error.extensions?.code ?? 'ERROR';
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return counts;
}

/** outcome shows what was withheld, what was changed, and the receipt. */
export function outcome({ answer, text }) {
  const { receipt, obligations = [], privacy } = concordat(answer);
  return [
    section('Withheld', '未提供', withheld(answer.errors ?? [])),
    section('Changed on the way', '已处理', changed(obligations, answer.data)),
    privacy && section('Privacy spent', '隐私预算', definitions(privacy)),
    section('Receipt', '凭据', ...receiptOf(receipt, answer, text)),
  ].filter(Boolean);
}

const section = (title, chinese, ...body) =>
  el('section', {}, el('h4', {}, title, ' ', el('span', { class: 'zh', lang: 'zh' }, chinese)), ...body);

function withheld(errors) {
  if (!errors.length) return el('p', { class: 'quiet' }, 'Nothing that was asked for.');
  return el('ul', { class: 'errors' }, ...errors.map((error) => el('li', {},
    el('code', { class: 'code' }, error.extensions?.code ?? 'ERROR'), ' ',
    error.path ? el('code', {}, error.path.join('.')) : null, ' ', error.message ?? '')));
}

function changed(obligations, data) {
  if (data == null) return el('p', { class: 'quiet' }, 'No values were given.');
  if (!obligations.length) return el('p', { class: 'quiet' }, 'Nothing: values are as the agencies hold them.');
  return el('table', {},
    el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Field'), el('th', { scope: 'col' }, 'Method'))),
    el('tbody', {}, ...obligations.map((o) => el('tr', {}, el('td', {}, el('code', {}, o.coordinate)), el('td', {}, o.method)))));
}

function definitions(object) {
  return el('dl', {}, ...Object.entries(object).filter(([, value]) => value != null)
    .flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, el('code', {}, String(value)))]));
}

function receiptOf(receipt, answer, text) {
  if (!receipt) return [el('p', { class: 'quiet' }, 'None: nobody was established as the caller, so nothing was answered.')];
  const verdict = el('p', { class: 'quiet' }, '');
  check(receipt, answer.data).then((says) => { verdict.textContent = says; });
  return [
    definitions(receipt), verdict,
    el('p', {}, el('button', { type: 'button', onclick: () => save(text) }, 'Save this answer'), ' then prove it, off-line:'),
    el('pre', { tabindex: 0 }, el('code', {},
      `concordat ledger prove answer.json --url ${location.origin} --out proof.txt\n` +
      'concordat ledger verify proof.txt answer.json --key DIR/ledger.vkey')),
  ];
}

/** check compares the receipt's digest with the data at hand: SHA-256 of salt and canonical JSON. */
async function check({ digest, salt }, data) {
  if (!digest || !salt || data === undefined || !globalThis.crypto?.subtle) return '';
  try {
    const salted = Uint8Array.from([...bytes(salt), ...new TextEncoder().encode(canonical(data))]);
    const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', salted));
    return btoa(String.fromCharCode(...sum)) === digest
      ? '✓ The digest is that of the data shown here (computed in this browser).'
      : '✗ The digest is not that of the data shown here.';
  } catch {
    return '✗ The digest cannot be read.';
  }
}

const bytes = (base64) => Array.from(atob(base64), (c) => c.charCodeAt(0));

/** canonical is RFC 8785, which is defined by JSON.stringify and the order of UTF-16 code units. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((k) => `${JSON.stringify(k)}:${canonical(value[k])}`).join(',')}}`;
}

function save(text) {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  el('a', { href: url, download: 'answer.json' }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

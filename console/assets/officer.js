// The officer's page: what the caller may see, and for officers the policy in force, what a change would alter, and why
// a field is shown as it is. Everything is asked of POST /graphql as the caller chosen above.
import { World, ask, concordat, el } from './client.js';

const $ = (id) => document.getElementById(id);
const wanted = new URLSearchParams(location.hash.slice(1));

const documents = {
  access: `{ me { id agreement { id status } } myAccess { type agency agreement until contact
    fields { coordinate effect method shown reason } } }`,
  check: `query($p: PolicyProposal) { policyCheck(proposal: $p) { findings { severity code file line coordinate message } } }`,
  test: `query($p: PolicyProposal) { policyTest(proposal: $p) { passed coverage tests { file line name passed error }
    scenarios { file line name passed failures } rules { rule file line tested scenarios } } }`,
  diff: `query($p: PolicyProposal!) { policyDiff(proposal: $p) { weaker personas findings { severity code file line coordinate message }
    changes { persona agency coordinate before after weaker } rows { persona agency type gained lost witness weaker } } }`,
  explain: `query($s: ExplainSubject!, $c: String!, $p: PolicyProposal) { policyExplain(subject: $s, coordinate: $c, proposal: $p) {
    agency sentence rows rules { file line says won } } }`,
};

let headers = async () => ({});
const turns = new Map(); // the newest question of each place; an older one's answer is not shown

start();

async function start() {
  for (const id of ['agency', 'file', 'text', 'coordinate', 'subject', 'organisation', 'agreement', 'purpose', 'scopes']) {
    if (wanted.has(id)) $(id).value = wanted.get(id);
  }
  $('pick').addEventListener('change', pick);
  $('run-check').addEventListener('click', () => show('check-result', documents.check, {}, findingsOf));
  $('run-test').addEventListener('click', () => show('check-result', documents.test, {}, testsOf));
  $('run-diff').addEventListener('click', () => show('diff-result', documents.diff, { p: proposal() }, diffOf));
  $('run-proposed-check').addEventListener('click', () => show('diff-result', documents.check, { p: proposal() }, findingsOf));
  $('run-proposed-test').addEventListener('click', () => show('diff-result', documents.test, { p: proposal() }, testsOf));
  $('run-explain').addEventListener('click', () => show('explain-result', documents.explain, explainVariables(), explainOf));
  await ($('persona') ? demo() : withToken());
  // A link can name what to ask: #persona=officer&agency=...&text=...&run=diff
  for (const what of wanted.getAll('run')) $(`run-${what}`)?.click();
}

async function demo() {
  const select = $('persona');
  try {
    const world = await World.load();
    select.append(...world.personas.map((p) => el('option', { value: p.name }, p.title)));
    select.value = wanted.get('persona') ?? world.personas[0]?.name ?? '';
    select.disabled = false;
    headers = () => world.headers(select.value);
  } catch {
    $('problem').textContent = 'The demo’s personas could not be loaded; requests go without a token.';
    $('problem').hidden = false;
  }
  select.addEventListener('change', again);
  await access();
}

async function withToken() {
  $('token').addEventListener('change', () => {
    const token = $('token').value.trim();
    headers = async () => (token ? { Authorization: `Bearer ${token}` } : {});
    again();
  });
}

/** again forgets what another caller was told. */
function again() {
  for (const node of document.querySelectorAll('.result')) node.replaceChildren();
  for (const id of turns.keys()) turns.set(id, turns.get(id) + 1);
  access();
}

const access = () => show('access-result', documents.access, {}, accessOf);

async function pick() {
  const [file] = $('pick').files;
  if (!file) return;
  $('file').value = file.name;
  $('text').value = await file.text();
}

const proposal = () => ({ agency: $('agency').value.trim(), files: [{ name: $('file').value.trim(), text: $('text').value }] });

function explainVariables() {
  const value = (id) => $(id).value.trim() || null;
  const s = { id: value('subject'), organisation: value('organisation'), agreement: value('agreement'), purpose: value('purpose'),
    scopes: $('scopes').value.split(/\s+/).filter(Boolean) };
  return { s, c: $('coordinate').value.trim(), p: $('under-proposal').checked ? proposal() : null };
}

/** show asks, and puts on the page what the answer says, what was refused, and the receipt's number. */
async function show(id, query, variables, read) {
  const turn = (turns.get(id) ?? 0) + 1;
  turns.set(id, turn);
  $(id).replaceChildren(el('p', { class: 'quiet' }, 'Asking…'));
  const { answer } = await ask({ query, variables }, await headers().catch(() => ({})));
  if (turns.get(id) !== turn) return;
  const { receipt } = concordat(answer);
  $(id).replaceChildren(
    ...(answer.errors ?? []).map((e) => el('p', { class: 'notice' }, el('code', { class: 'code' }, e.extensions?.code ?? 'ERROR'), ' ', e.message ?? '')),
    ...(answer.data ? read(answer.data) : []),
    el('p', { class: 'quiet' }, receipt ? `Receipt ${receipt.index}` : 'No receipt'));
}

function table(caption, heads, rows) {
  if (!rows.length) return el('p', { class: 'quiet' }, `${caption}: none.`);
  return el('figure', {}, el('figcaption', {}, `${caption}: ${rows.length}`),
    el('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': caption }, el('table', {},
      el('thead', {}, el('tr', {}, ...heads.map((h) => el('th', { scope: 'col' }, h)))),
      el('tbody', {}, ...rows.map((cells) => el('tr', {}, ...cells.map((c) => el('td', {}, c ?? ''))))))));
}

const code = (text) => el('code', {}, text);
const place = (f) => code(f.line ? `${f.file}:${f.line}` : f.file);
const weaker = (yes) => (yes ? el('strong', { class: 'code' }, 'weaker') : '');

const effects = { ALLOWED: 'as it is 原样', TRANSFORMED: 'changed 变换后', AGGREGATE_ONLY: 'statistics only 仅统计',
  ENCRYPTED_ONLY: 'encrypted sums only 仅加密汇总', DENIED: 'not shared 不共享' };

function accessOf({ me, myAccess }) {
  if (!myAccess?.length) return [el('p', {}, me ? 'Nothing is shared with this caller.' : '')];
  return myAccess.map((t) => el('details', {},
    el('summary', {}, code(t.type), ` of ${t.agency}`,
      t.agreement ? el('span', { class: 'quiet' }, ` under ${t.agreement}, until ${t.until ? `${t.until.slice(0, 16)}Z` : 'it is ended'}; ask ${t.contact ?? 'the agency'}`) : ''),
    table('Fields 字段', ['Field 字段', 'Shown 显示', 'Method 方法', 'Why 原因'],
      t.fields.map((f) => [code(f.coordinate), effects[f.effect] ?? f.effect, f.shown ?? f.method, f.reason]))));
}

const findingTable = (findings) => table('Findings 发现', ['Severity 级别', 'Code', 'Place 位置', 'Field 字段', 'What 内容'],
  findings.map((f) => [f.severity, code(f.code), place(f), code(f.coordinate), f.message]));

const findingsOf = ({ policyCheck }) => (policyCheck ? [findingTable(policyCheck.findings)] : []);

function testsOf({ policyTest: run }) {
  if (!run) return [];
  const failed = [...run.tests, ...run.scenarios].filter((t) => !t.passed);
  return [
    el('p', {}, el('strong', {}, run.passed ? 'Passed 通过' : 'Not passed 未通过'),
      ` ${run.tests.length} tests, ${run.scenarios.length} scenarios, ${run.coverage.toFixed(1)} % of the rules’ lines covered`),
    table('Failures 失败', ['Name 名称', 'Place 位置', 'Why 原因'], failed.map((t) => [t.name, place(t), t.error ?? t.failures?.join('; ')])),
    table('Rules that nothing tries 未测试的规则', ['Rule 规则', 'Place 位置'],
      run.rules.filter((r) => !r.tested && !r.scenarios).map((r) => [code(r.rule), place(r)])),
  ];
}

function diffOf({ policyDiff: d }) {
  if (!d) return [];
  if (d.findings.length) return [findingTable(d.findings)];
  const what = (r) => (r.gained ? 'sees more rows, as 可见更多行' : r.lost ? 'sees fewer rows, without 可见更少行' : 'the rule reads otherwise 规则表述不同');
  return [
    el('p', {}, d.weaker ? el('strong', { class: 'code' }, 'Protection would be weaker somewhere 保护减弱') : 'Protection would not be weaker anywhere. 保护未减弱',
      ` Compared for ${d.personas.join(', ')}.`),
    table('Fields ruled otherwise 字段变化', ['Who 谁', 'Field 字段', 'Now 现在', 'Then 之后', ''],
      d.changes.map((c) => [c.persona, code(c.coordinate), c.before, c.after, weaker(c.weaker)])),
    table('Rows 行变化', ['Who 谁', 'Type 类型', 'What 内容', 'A row that shows it 示例行', ''],
      d.rows.map((r) => [r.persona, code(r.type), what(r), code(typeof r.witness === 'string' ? r.witness : JSON.stringify(r.witness)), weaker(r.weaker)])),
  ];
}

function explainOf({ policyExplain: accounts }) {
  if (!accounts) return [];
  if (!accounts.length) return [el('p', {}, 'No agency that is yours to ask about offers this field. 无此字段')];
  return accounts.map((a) => el('div', {}, el('p', {}, el('strong', {}, a.agency), ': ', a.sentence), el('p', {}, a.rows),
    table('Rules that spoke 相关规则', ['Place 位置', 'Says 内容', ''], a.rules.map((r) => [place(r), r.says, r.won ? 'decided 生效' : '']))));
}

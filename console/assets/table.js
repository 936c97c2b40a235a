// Answers as tables, for reading: one for each root field. The JSON beside them is the whole truth.
import { el } from './client.js';

const shown = 25; // rows of one table

/** tables shows each root field of an answer's data. */
export function tables(data) {
  return Object.entries(data ?? {}).filter(([, value]) => value !== null).map(([name, value]) => figure(name, value));
}

/** rowCount is how many rows all root fields hold together. */
export const rowCount = (data) =>
  Object.values(data ?? {}).reduce((sum, value) => sum + (value === null ? 0 : rowsOf(value).length), 0);

/** rowsOf finds the list in a connection, an aggregate or a plain list; anything else is one row. */
function rowsOf(value) {
  if (Array.isArray(value)) return value;
  return listIn(value) ?? [value];
}

function listIn(value) {
  if (Array.isArray(value?.nodes)) return value.nodes;
  if (Array.isArray(value?.groups)) return value.groups;
  if (Array.isArray(value?.edges)) return value.edges.map((edge) => edge?.node ?? edge);
  return undefined;
}

function figure(name, value) {
  const rows = rowsOf(value);
  const notes = [`${rows.length} ${rows.length === 1 ? 'row' : 'rows'}`];
  if (rows.length > shown) notes.push(`the first ${shown} shown`);
  if (value?.totalCount != null) notes.push(`${value.totalCount} in all`);
  if (value?.withheld) notes.push('small groups withheld');
  return el('figure', {}, el('figcaption', {}, el('code', {}, name), ' ', notes.join(', ')), grid(rows));
}

function grid(rows) {
  const flat = rows.slice(0, shown).map((row) => flatten(row));
  const columns = [...new Set(flat.flatMap((row) => [...row.keys()]))];
  if (!columns.length) return el('p', { class: 'quiet' }, 'No rows.');
  return el('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'Table' }, el('table', {},
    el('thead', {}, el('tr', {}, ...columns.map((c) => el('th', { scope: 'col' }, c)))),
    el('tbody', {}, ...flat.map((row) => el('tr', {}, ...columns.map((c) => cell(row.get(c))))))));
}

/** flatten names nested objects' fields with dots, and keeps nested lists whole. */
function flatten(value, prefix = '', into = new Map()) {
  if (!nests(value)) return into.set(prefix || 'value', value);
  for (const [name, inner] of Object.entries(value)) flatten(inner, prefix ? `${prefix}.${name}` : name, into);
  return into;
}

const nests = (value) => value !== null && typeof value === 'object' && !Array.isArray(value) && !listIn(value);

function cell(value) {
  if (value === undefined) return el('td', {});
  if (value === null) return el('td', { class: 'null' }, 'null');
  if (typeof value !== 'object') return el('td', { class: typeof value === 'number' ? 'number' : null }, String(value));
  const rows = rowsOf(value);
  if (!rows.length) return el('td', { class: 'null' }, 'no rows');
  return el('td', {}, el('details', {}, el('summary', {}, `${rows.length} ${rows.length === 1 ? 'row' : 'rows'}`), grid(rows)));
}

// SPDX-License-Identifier: GPL-3.0-or-later
// A strict reader of Prometheus' text format 0.0.4 and of OpenMetrics 1.0.0: what it accepts, a
// scraper accepts, and what it refuses may be read in two ways.

import assert from 'node:assert/strict';

const kName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const kNumber = /^(?:-?\d+(?:\.\d+)?)$/;

/** The labels of `{…}` and where they end. */
function readLabels(line, from) {
  const labels = {};
  let at = from;
  while (line[at] !== '}') {
    const name = /^[a-zA-Z_][a-zA-Z0-9_]*/.exec(line.slice(at))?.[0];
    assert.ok(name && line.startsWith('="', at + name.length), `label in: ${line}`);
    assert.ok(!(name in labels), `label twice in: ${line}`);
    at += name.length + 2;
    let value = '';
    for (; line[at] !== '"'; ++at) {
      assert.ok(at < line.length, `open quotation in: ${line}`);
      if (line[at] === '\\') {
        const meant = { '\\': '\\', '"': '"', n: '\n' }[line[++at]];
        assert.ok(meant, `escape in: ${line}`);
        value += meant;
      } else {
        value += line[at];
      }
    }
    labels[name] = value;
    ++at;
    if (line[at] === ',') {
      ++at;
      assert.notEqual(line[at], '}', `comma before the end in: ${line}`);
    } else {
      assert.equal(line[at], '}', `after a label in: ${line}`);
    }
  }
  return { labels, end: at + 1 };
}

function checkHistogram(name, samples) {
  const groups = new Map();
  for (const sample of samples) {
    const { le, ...labels } = sample.labels;
    const key = JSON.stringify(labels);
    const group = groups.get(key) ?? { buckets: [] };
    groups.set(key, group);
    if (sample.name === `${name}_bucket`) {
      group.buckets.push({ le: le === '+Inf' ? Infinity : Number(le), count: Number(sample.value) });
      assert.ok(le === '+Inf' || /^\d+\.\d+$/.test(le), `${name}: le ${le}`);
    } else {
      assert.ok([`${name}_sum`, `${name}_count`].includes(sample.name), sample.name);
      group[sample.name.slice(name.length + 1)] = Number(sample.value);
    }
  }
  for (const [key, { buckets, sum, count }] of groups) {
    assert.equal(buckets.at(-1).le, Infinity, `${name}${key}`);
    assert.equal(buckets.at(-1).count, count, `${name}${key}: the last bucket is the count`);
    let least = 0;
    buckets.forEach((bucket, i) => {
      if (i > 0) {
        const before = buckets[i - 1];
        assert.ok(bucket.le > before.le && bucket.count >= before.count, `${name}${key} rises`);
        least += (bucket.count - before.count) * before.le;
      }
    });
    assert.ok(sum >= least - 1e-9, `${name}${key}: sum ${sum} of buckets from ${least}`);
  }
}

/**
 * The families of a page: Map name → {type, help, samples: [{name, labels, value}]}, counters by
 * the name of their samples. The page itself is in `text`. Throws for anything that is not exactly
 * as the format says.
 */
export function parseExposition(text, contentType) {
  const open = contentType.startsWith('application/openmetrics-text; version=1.0.0;');
  assert.ok(open || contentType.startsWith('text/plain; version=0.0.4;'), contentType);
  assert.ok(text.endsWith('\n'), 'ends with a line feed');
  const lines = text.slice(0, -1).split('\n');
  if (open) {
    assert.equal(lines.pop(), '# EOF');
  }
  const families = new Map();
  const seen = new Set();
  let family = null;
  for (const line of lines) {
    const meta = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (meta) {
      const [, what, title, rest] = meta;
      assert.match(title, kName);
      assert.ok(title.startsWith('tidegate_'), title);
      if (what === 'HELP') {
        assert.ok(!families.has(title), `${title} twice`);
        family = { title, help: rest, samples: [] };
        families.set(title, family);
      } else {
        assert.equal(title, family?.title, 'TYPE follows HELP');
        assert.equal(family.type, undefined, `${title}: one TYPE`);
        assert.ok(['counter', 'gauge', 'histogram'].includes(rest), line);
        family.type = rest;
        assert.ok(rest !== 'counter' || title.endsWith('_total') !== open, line);
        assert.ok(rest === 'counter' || !title.endsWith('_total'), line);
      }
      continue;
    }
    const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0];
    assert.ok(name && family?.type, `line: ${line}`);
    const { labels, end } = line[name.length] === '{'
      ? readLabels(line, name.length + 1) : { labels: {}, end: name.length };
    assert.equal(line[end], ' ', line);
    const value = line.slice(end + 1);
    assert.match(value, kNumber, line);
    assert.ok(family.type === 'gauge' || !value.startsWith('-'), `a counter below zero: ${line}`);
    const identity = name + JSON.stringify(Object.entries(labels).sort());
    assert.ok(!seen.has(identity), `twice: ${line}`);
    seen.add(identity);
    if (family.type !== 'histogram') {
      assert.equal(name, open && family.type === 'counter' ? `${family.title}_total` : family.title);
    } else {
      assert.ok(name.startsWith(`${family.title}_`), line);
    }
    family.samples.push({ name, labels, value });
  }
  const byName = new Map();
  for (const [title, { type, help, samples }] of families) {
    assert.ok(type, `${title} has a type`);
    if (type === 'histogram') {
      checkHistogram(title, samples);
    }
    byName.set(open && type === 'counter' ? `${title}_total` : title, { type, help, samples });
  }
  byName.text = text;
  return byName;
}

/** All samples of that name. */
export function samplesOf(families, name) {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''));
  return (family?.samples ?? []).filter((sample) => sample.name === name);
}

/** The one sample with exactly those labels; undefined when there is none. */
export function sampleOf(families, name, labels) {
  const wanted = JSON.stringify(Object.entries(labels).sort());
  return samplesOf(families, name)
    .find((sample) => JSON.stringify(Object.entries(sample.labels).sort()) === wanted);
}

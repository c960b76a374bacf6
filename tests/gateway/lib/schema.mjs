// SPDX-License-Identifier: GPL-3.0-or-later
// JSON Schema as far as resources/api/openapi.json uses it. A keyword it does not know is an error, so that
// nothing in the description goes unchecked.

const kAnnotations = new Set(['description', 'default', 'example', 'title']);

function typeOf(value) {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

const kChecks = {
  type: (types, value) => [].concat(types).some((type) => type === typeOf(value)
    || (type === 'number' && typeOf(value) === 'integer')) || `is ${typeOf(value)}, not ${types}`,
  const: (wanted, value) => value === wanted || `is not ${JSON.stringify(wanted)}`,
  enum: (choices, value) => choices.includes(value) || `is none of ${choices}`,
  pattern: (pattern, value) => typeof value !== 'string' || new RegExp(pattern, 'u').test(value)
    || `does not match ${pattern}`,
  format: (format, value) => typeof value !== 'string' || format !== 'date-time'
    || /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value) || 'is no time in UTC',
  minimum: (least, value) => typeof value !== 'number' || value >= least || `is below ${least}`,
  maximum: (most, value) => typeof value !== 'number' || value <= most || `is above ${most}`,
  minItems: (least, value) => !Array.isArray(value) || value.length >= least || 'is too short',
  minLength: (least, value) => typeof value !== 'string' || value.length >= least || 'is too short',
};

export class Schemas {
  constructor(document) {
    this.document = document;
  }

  resolve(node) {
    return node?.$ref
      ? node.$ref.slice(2).split('/').reduce((at, name) => at[name], this.document) : node;
  }

  /** What is wrong with @p value, as a list of texts. */
  problems(schema, value, at = '$') {
    const found = this.resolve(schema);
    const result = [];
    for (const [keyword, wanted] of Object.entries(found)) {
      if (kChecks[keyword]) {
        const verdict = kChecks[keyword](wanted, value);
        if (verdict !== true) result.push(`${at} ${verdict}`);
      } else if (keyword === 'oneOf') {
        const fits = wanted.filter((one) => this.problems(one, value, at).length === 0).length;
        if (fits !== 1) result.push(`${at} fits ${fits} of oneOf`);
      } else if (keyword === 'items') {
        if (Array.isArray(value)) {
          value.forEach((item, i) => result.push(...this.problems(wanted, item, `${at}[${i}]`)));
        }
      } else if (keyword === 'required') {
        if (typeOf(value) === 'object') {
          result.push(...wanted.filter((name) => !(name in value)).map((name) => `${at}.${name} is missing`));
        }
      } else if (keyword === 'properties' || keyword === 'additionalProperties') {
        // Below, together.
      } else if (!kAnnotations.has(keyword)) {
        throw new Error(`${at}: the keyword ${keyword} is not known to this test`);
      }
    }
    if (typeOf(value) === 'object') {
      for (const [name, member] of Object.entries(value)) {
        const known = found.properties?.[name];
        if (known) {
          result.push(...this.problems(known, member, `${at}.${name}`));
        } else if (found.additionalProperties === false) {
          result.push(`${at}.${name} is not described`);
        } else if (typeof found.additionalProperties === 'object') {
          result.push(...this.problems(found.additionalProperties, member, `${at}.${name}`));
        }
      }
    }
    return result;
  }

  /** The operation of a request, or null: {operation, template}. */
  find(method, target) {
    const path = target.split('?')[0].split('/');
    const candidates = Object.entries(this.document.paths).filter(([template]) => {
      const parts = template.split('/');
      return parts.length === path.length
        && parts.every((part, i) => part.startsWith('{') || part === path[i]);
    }).sort(([a], [b]) => a.split('{').length - b.split('{').length);
    const [template, item] = candidates[0] ?? [];
    const operation = item?.[method.toLowerCase()];
    return operation ? { operation, template } : null;
  }

  /** What is wrong with an answer: an undescribed status or type, or a body that does not fit. */
  answerProblems(method, target, status, contentType, text) {
    const found = this.find(method, target);
    if (!found) return [`${method} ${target} is not described`];
    const answer = this.resolve(found.operation.responses[status]);
    if (!answer) return [`${method} ${found.template}: ${status} is not described`];
    const type = contentType.split(';')[0];
    const content = answer.content?.[type];
    if (!content) return [`${method} ${found.template}: ${status} ${type} is not described`];
    return type === 'application/json'
      ? this.problems(content.schema, JSON.parse(text), `${method} ${found.template} ${status}`) : [];
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Requests, answers and events in OpenAI's formats.

export const json = (value) => JSON.stringify(value);

export const event = (value) => `data: ${typeof value === 'string' ? value : json(value)}\n\n`;

export const doneEvent = event('[DONE]');

export const usageOf = (prompt, completion) => ({
  prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion,
});

export const chatRequest = (model, more = {}) => ({
  model, messages: [{ role: 'user', content: 'Say hello' }], ...more,
});

/** A chat completion. */
export const completion = (model, content = 'Hello there', usage = usageOf(7, 2)) => ({
  id: 'chatcmpl-1', object: 'chat.completion', created: 1700000000, model,
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
  ...(usage ? { usage } : {}),
});

/** One streamed chunk; @p more overrides fields of the chunk. */
export const chunk = (model, delta, more = {}) => ({
  id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1700000000, model,
  choices: [{ index: 0, delta, finish_reason: null }], ...more,
});

/** The events of a plain stream: role, one per word, finish; without `[DONE]`. */
export function chatEvents(model, words = ['Hello', ' there']) {
  return [
    event(chunk(model, { role: 'assistant', content: '' })),
    ...words.map((word) => event(chunk(model, { content: word }))),
    event(chunk(model, {}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })),
  ];
}

/** The trailing chunk that carries only usage. */
export const usageEvent = (model, usage) => event(chunk(model, {}, { choices: [], usage }));

/** Events of an event stream body, parsed as the HTML standard says: [{event, data}]. */
export function parseEvents(text) {
  const events = [];
  let name = '';
  let data = [];
  for (const line of text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)) {
    if (line === '') {
      if (data.length) {
        events.push({ event: name || 'message', data: data.join('\n') });
      }
      name = '';
      data = [];
      continue;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') {
      data.push(value);
    } else if (field === 'event') {
      name = value;
    }
  }
  return events;
}

/** The JSON chunks of a stream, without `[DONE]`. */
export const parseChunks = (text) => parseEvents(text)
  .filter(({ data }) => data !== '[DONE]').map(({ data }) => JSON.parse(data));

/** The text that a chat stream adds up to. */
export const streamedText = (text) => parseChunks(text)
  .map((one) => one.choices?.[0]?.delta?.content ?? '').join('');

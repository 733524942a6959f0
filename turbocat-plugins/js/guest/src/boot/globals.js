// The globals that programs for Node expect and that need nothing from outside. Evaluates to a
// function of what the host's side serves and of `format`; the result is what the engine calls.
(native, format) => {
  'use strict';
  const { print, exit, random } = native;
  const wellFormed = Function.prototype.call.bind(String.prototype.toWellFormed);
  const repeat = Function.prototype.call.bind(String.prototype.repeat);
  const replaceAll = Function.prototype.call.bind(String.prototype.replaceAll);
  const { now } = Date;
  const text = String;
  const number = Number;
  const { isInteger } = Number;
  const { isError } = Error;
  const { isView } = ArrayBuffer;
  const globals = globalThis;
  const define = (name, value) => Object.defineProperty(globals, name, {
    value, writable: true, configurable: true, enumerable: false,
  });

  const DEBUG = 0;
  const INFO = 1;
  const WARN = 2;
  const ERROR = 3;

  // --- console
  let indent = '';
  const counts = new Map();
  const timers = new Map();
  const get = Function.prototype.call.bind(Map.prototype.get);
  const set = Function.prototype.call.bind(Map.prototype.set);
  const remove = Function.prototype.call.bind(Map.prototype.delete);
  const line = (level, args) => {
    const shown = format(args);
    print(level, wellFormed(indent + (indent === '' ? shown : replaceAll(shown, '\n', `\n${indent}`)) + '\n'));
  };
  const elapsed = (label) => {
    const began = get(timers, label);
    return began === undefined ? undefined : `${label}: ${now() - began}ms`;
  };
  const console = {
    log: (...args) => line(INFO, args),
    info: (...args) => line(INFO, args),
    debug: (...args) => line(DEBUG, args),
    warn: (...args) => line(WARN, args),
    error: (...args) => line(ERROR, args),
    dir: (value) => line(INFO, [value]),
    table: (value) => line(INFO, [value]),
    trace: (...args) => {
      const shown = args.length === 0 ? 'Trace' : `Trace: ${format(args)}`;
      line(ERROR, [`${shown}\n${new Error().stack}`]);
    },
    assert: (condition, ...args) => {
      if (condition) return;
      line(ERROR, args.length === 0 ? ['Assertion failed'] : ['Assertion failed:', ...args]);
    },
    group: (...args) => {
      if (args.length > 0) line(INFO, args);
      if (indent.length < 200) indent += '  ';
    },
    groupEnd: () => { indent = repeat(' ', indent.length < 2 ? 0 : indent.length - 2); },
    count: (label = 'default') => {
      const count = (get(counts, `${label}`) ?? 0) + 1;
      set(counts, `${label}`, count);
      line(INFO, [`${label}: ${count}`]);
    },
    countReset: (label = 'default') => { remove(counts, `${label}`); },
    time: (label = 'default') => { set(timers, `${label}`, now()); },
    timeLog: (label = 'default', ...args) => {
      const shown = elapsed(`${label}`);
      if (shown !== undefined) line(INFO, [shown, ...args]);
    },
    timeEnd: (label = 'default') => {
      const shown = elapsed(`${label}`);
      if (shown !== undefined) line(INFO, [shown]);
      remove(timers, `${label}`);
    },
  };
  console.groupCollapsed = console.group;
  define('console', console);

  // --- process
  const writer = (level) => ({
    write: (chunk) => {
      print(level, wellFormed(isView(chunk) ? new TextDecoder().decode(chunk) : `${chunk}`));
      return true;
    },
  });
  const code = (given) => {
    const chosen = given ?? 0;
    if (!isInteger(number(chosen)) || typeof chosen === 'object') {
      throw new TypeError(`the exit code must be a whole number, not ${text(chosen)}`);
    }
    return number(chosen) | 0;
  };
  const process = {
    argv: ['node', 'code'],
    env: {},
    exitCode: undefined,
    exit: (given) => exit(code(given ?? process.exitCode)),
    nextTick: (callback, ...args) => queueMicrotask(() => callback(...args)),
    stdout: writer(INFO),
    stderr: writer(ERROR),
  };
  define('process', process);

  // --- chance
  Math.random = random;

  // --- text
  class TextEncoder {
    get encoding() { return 'utf-8'; }
    encode(value = '') { return new Uint8Array(native.encode(wellFormed(`${value}`))); }
  }
  class TextDecoder {
    #fatal;
    constructor(label = 'utf-8', options = {}) {
      const name = `${label}`.toLowerCase();
      if (name !== 'utf-8' && name !== 'utf8') throw new RangeError(`the encoding \`${label}\` is not supported: only utf-8 is`);
      this.#fatal = !!options.fatal;
    }
    get encoding() { return 'utf-8'; }
    get fatal() { return this.#fatal; }
    decode(bytes = new Uint8Array()) {
      const view = isView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes);
      const decoded = native.decode(view, this.#fatal);
      if (decoded === undefined) throw new TypeError('the bytes are no utf-8');
      return decoded;
    }
  }
  define('TextEncoder', TextEncoder);
  define('TextDecoder', TextDecoder);

  // --- copies
  const copy = (value, seen) => {
    if (typeof value === 'function' || typeof value === 'symbol') {
      throw new DOMException(`${typeof value}s cannot be cloned`, 'DataCloneError');
    }
    if (typeof value !== 'object' || value === null) return value;
    const known = get(seen, value);
    if (known !== undefined) return known;
    const keep = (made) => { set(seen, value, made); return made; };
    if (value instanceof Date) return keep(new Date(value.getTime()));
    if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
    if (value instanceof ArrayBuffer) return keep(value.slice(0));
    if (isView(value)) {
      const buffer = copy(value.buffer, seen);
      return keep(value instanceof DataView
        ? new DataView(buffer, value.byteOffset, value.byteLength)
        : new value.constructor(buffer, value.byteOffset, value.length));
    }
    if (value instanceof Map) {
      const made = keep(new Map());
      for (const [key, item] of value) made.set(copy(key, seen), copy(item, seen));
      return made;
    }
    if (value instanceof Set) {
      const made = keep(new Set());
      for (const item of value) made.add(copy(item, seen));
      return made;
    }
    if (isError(value)) {
      const made = keep(new Error(value.message));
      Object.defineProperty(made, 'name', { value: value.name, configurable: true, writable: true });
      Object.defineProperty(made, 'stack', { value: value.stack, configurable: true, writable: true });
      return made;
    }
    const made = keep(Array.isArray(value) ? new Array(value.length) : {});
    for (const key of Object.keys(value)) made[key] = copy(value[key], seen);
    return made;
  };
  define('structuredClone', (value) => copy(value, new Map()));

  return { console, process, define, code };
}

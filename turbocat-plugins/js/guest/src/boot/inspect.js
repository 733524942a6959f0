// How values are printed: as Node does it, as far as people read it. Evaluates to `format(args)`.
//
// All that it calls is taken before any code of a user is evaluated, so that nothing which that
// code overwrites changes or breaks what is printed.
(() => {
  'use strict';
  const { isArray, from } = Array;
  const { ownKeys, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;
  const { stringify } = JSON;
  const method = (prototype, name) => Function.prototype.call.bind(prototype[name]);
  const toISOString = method(Date.prototype, 'toISOString');
  const regExpText = method(RegExp.prototype, 'toString');
  const functionText = method(Function.prototype, 'toString');
  const symbolText = method(Symbol.prototype, 'toString');
  const bigText = method(BigInt.prototype, 'toString');
  const join = method(Array.prototype, 'join');
  const push = method(Array.prototype, 'push');
  const pop = method(Array.prototype, 'pop');
  const includes = method(Array.prototype, 'includes');
  const slice = method(String.prototype, 'slice');
  const replaceAll = method(String.prototype, 'replaceAll');
  const startsWith = method(String.prototype, 'startsWith');
  const textIncludes = method(String.prototype, 'includes');
  const indexOf = method(String.prototype, 'indexOf');
  const test = method(RegExp.prototype, 'exec');
  const mapEntries = method(Map.prototype, 'entries');
  const setValues = method(Set.prototype, 'values');
  const isDate = (value) => { try { method(Date.prototype, 'getTime')(value); return true; } catch { return false; } };
  const dateTime = method(Date.prototype, 'getTime');
  const isMap = (value) => { try { mapSize(value); return true; } catch { return false; } };
  const isSet = (value) => { try { setSize(value); return true; } catch { return false; } };
  const mapSize = Function.prototype.call.bind(getOwnPropertyDescriptor(Map.prototype, 'size').get);
  const setSize = Function.prototype.call.bind(getOwnPropertyDescriptor(Set.prototype, 'size').get);
  const mapNext = method(getPrototypeOf(new Map().entries()), 'next');
  const setNext = method(getPrototypeOf(new Set().values()), 'next');
  const typedArray = getPrototypeOf(Uint8Array.prototype);
  const typedName = Function.prototype.call.bind(getOwnPropertyDescriptor(typedArray, Symbol.toStringTag).get);
  const isError = Error.isError;
  const objectPrototype = Object.prototype;
  const arrayPrototype = Array.prototype;
  const identifier = /^[A-Za-z_$][\w$]*$/;
  const { isNaN: isNotANumber } = Number;
  const text = String;
  const number = Number;
  const { trunc, min } = Math;
  const is = Object.is;

  const DEPTH = 2; // what is deeper is `[Object]`
  const ITEMS = 100; // what is more of a list is `... n more items`
  const WIDTH = 72; // what is longer goes on lines of its own
  const BUDGET = 100_000; // values looked at for one call

  const quote = (value) => {
    const json = stringify(value);
    if (!textIncludes(value, "'")) return `'${replaceAll(slice(json, 1, -1), '\\"', '"')}'`;
    return json;
  };

  const property = (holder, name) => {
    const found = getOwnPropertyDescriptor(holder, name);
    return found && 'value' in found ? found.value : undefined;
  };

  const className = (value) => {
    for (let at = getPrototypeOf(value), depth = 0; at !== null && depth < 100; at = getPrototypeOf(at), depth++) {
      const made = property(at, 'constructor');
      if (typeof made === 'function') {
        const name = property(made, 'name');
        if (typeof name === 'string' && name !== '') return name;
      }
    }
    return undefined;
  };

  const stackGetter = getOwnPropertyDescriptor(Error.prototype, 'stack')?.get;
  const readStack = stackGetter ? Function.prototype.call.bind(stackGetter) : () => undefined;
  const stackOf = (error) => {
    const own = property(error, 'stack') ?? readStack(error);
    return typeof own === 'string' ? own : undefined;
  };

  const errorText = (error) => {
    const read = (name) => {
      for (let at = error, depth = 0; at !== null && depth < 100; at = getPrototypeOf(at), depth++) {
        const found = property(at, name);
        if (found !== undefined) return typeof found === 'string' ? found : undefined;
      }
      return undefined;
    };
    const name = read('name') ?? 'Error';
    const message = read('message') ?? '';
    const stack = stackOf(error) ?? '';
    const head = message === '' ? name : `${name}: ${message}`;
    const frames = stack.length > 0 && stack[stack.length - 1] === '\n' ? slice(stack, 0, -1) : stack;
    return frames === '' ? head : `${head}\n${frames}`;
  };

  const inspect = (value, depth, seen, budget) => {
    if (budget.left-- <= 0) return '...';
    switch (typeof value) {
      case 'string': return depth < 0 ? value : quote(value);
      case 'number': return is(value, -0) ? '-0' : text(value);
      case 'bigint': return `${bigText(value)}n`;
      case 'boolean': case 'undefined': return text(value);
      case 'symbol': return symbolText(value);
    }
    if (value === null) return 'null';
    if (includes(seen, value)) return '[Circular]';
    depth = depth < 0 ? 0 : depth;
    push(seen, value);
    const shown = compound(value, depth, seen, budget);
    pop(seen);
    return shown;
  };

  const compound = (value, depth, seen, budget) => {
    const name = className(value);
    const inner = (item) => inspect(item, depth + 1, seen, budget);
    let head = '';
    let skip = 0;
    const parts = [];
    let open = '{';
    let close = '}';

    if (typeof value === 'function') {
      const own = property(value, 'name');
      const kind = startsWith(functionText(value), 'class') ? 'class' : 'Function';
      head = typeof own === 'string' && own !== ''
        ? `[${kind}${kind === 'class' ? ' ' : ': '}${own}]`
        : kind === 'class' ? '[class (anonymous)]' : '[Function (anonymous)]';
    } else if (isError(value)) {
      head = depth === 0 ? errorText(value) : `[${errorText(value)}]`;
    } else if (isDate(value)) {
      head = isNotANumber(dateTime(value)) ? 'Invalid Date' : toISOString(value);
    } else if (test(/^\[object RegExp\]$/, tag(value)) && name === 'RegExp') {
      head = regExpText(value);
    } else if (depth > DEPTH) {
      return isArray(value) ? '[Array]' : `[${name ?? 'Object: null prototype'}]`;
    } else if (isArray(value) || typedName(value) !== undefined) {
      const plain = isArray(value) && getPrototypeOf(value) === arrayPrototype;
      head = plain ? '' : `${name ?? 'Array'}(${value.length})`;
      [open, close] = ['[', ']'];
      skip = min(value.length, ITEMS);
      for (let at = 0; at < skip; at++) {
        const found = getOwnPropertyDescriptor(value, at);
        push(parts, found === undefined ? '<empty item>' : 'value' in found ? inner(found.value) : '[Getter]');
      }
      if (value.length > ITEMS) push(parts, `... ${value.length - ITEMS} more items`);
    } else if (isMap(value)) {
      head = `${name ?? 'Map'}(${mapSize(value)})`;
      const entries = mapEntries(value);
      for (let at = mapNext(entries), count = 0; !at.done; at = mapNext(entries)) {
        if (count++ === ITEMS) { push(parts, `... ${mapSize(value) - ITEMS} more items`); break; }
        push(parts, `${inner(at.value[0])} => ${inner(at.value[1])}`);
      }
    } else if (isSet(value)) {
      head = `${name ?? 'Set'}(${setSize(value)})`;
      const values = setValues(value);
      for (let at = setNext(values), count = 0; !at.done; at = setNext(values)) {
        if (count++ === ITEMS) { push(parts, `... ${setSize(value) - ITEMS} more items`); break; }
        push(parts, inner(at.value));
      }
    } else if (getPrototypeOf(value) !== objectPrototype) {
      head = name === undefined || getPrototypeOf(value) === null ? '[Object: null prototype]' : name;
    }

    const bare = parts.length === 0 && head !== '' && open === '{' && !isMap(value) && !isSet(value)
      && (typeof value === 'function' || isError(value) || isDate(value) || name === 'RegExp');
    if (depth <= DEPTH) {
      const list = open === '[';
      const keys = list && skip > 0 ? [] : ownKeys(value);
      let count = 0;
      for (let at = 0; at < keys.length; at++) {
        const key = keys[at];
        const found = getOwnPropertyDescriptor(value, key);
        if (found === undefined || !found.enumerable) continue;
        if (list && typeof key === 'string' && test(/^\d+$/, key)) continue;
        if (count++ === ITEMS) { push(parts, `... ${keys.length - ITEMS} more items`); break; }
        const label = typeof key === 'symbol' ? `[${symbolText(key)}]` : test(identifier, key) ? key : quote(key);
        const shown = 'value' in found ? inner(found.value)
          : found.get && found.set ? '[Getter/Setter]' : found.get ? '[Getter]' : '[Setter]';
        push(parts, `${label}: ${shown}`);
      }
    }
    if (bare && parts.length === 0) return head;
    const before = head === '' ? '' : `${head} `;
    if (parts.length === 0) return `${before}${open}${close}`;
    const line = join(parts, ', ');
    if (line.length + before.length <= WIDTH && !textIncludes(line, '\n')) return `${before}${open} ${line} ${close}`;
    return `${before}${open}\n  ${replaceAll(join(parts, ',\n'), '\n', '\n  ')}\n${close}`;
  };

  const tag = (value) => objectText(value);
  const objectText = method(Object.prototype, 'toString');

  const show = (value, depth) => {
    try {
      return inspect(value, depth, [], { left: BUDGET });
    } catch {
      return '[cannot be shown]'; // a proxy that throws, or something too deep
    }
  };

  const number32 = (value) => typeof value === 'object' && value !== null || typeof value === 'symbol' ? NaN
    : number(value);

  return (args) => {
    let at = 0;
    let line = '';
    if (typeof args[0] === 'string' && args.length > 1 && textIncludes(args[0], '%')) {
      at = 1;
      let rest = args[0];
      for (;;) {
        const place = indexOf(rest, '%');
        if (place < 0 || place === rest.length - 1) break;
        const kind = rest[place + 1];
        let shown;
        if (kind === '%') shown = '%';
        else if (at < args.length) {
          const value = args[at];
          if (kind === 's') shown = typeof value === 'string' ? value : show(value, 0);
          else if (kind === 'd') shown = typeof value === 'bigint' ? `${bigText(value)}n` : text(number32(value));
          else if (kind === 'i') shown = typeof value === 'bigint' ? `${bigText(value)}n` : text(trunc(number32(value)));
          else if (kind === 'f') shown = text(number32(value));
          else if (kind === 'j') { try { shown = stringify(value); } catch { shown = '[Circular]'; } }
          else if (kind === 'o' || kind === 'O') shown = show(value, 0);
          else if (kind === 'c') shown = '';
          if (shown !== undefined) at++;
        }
        line += slice(rest, 0, place) + (shown ?? `%${kind}`);
        rest = slice(rest, place + 2);
      }
      line += rest;
    }
    for (; at < args.length; at++) {
      line += (at === 0 ? '' : ' ') + show(args[at], -1);
    }
    return line;
  };
})()

// What the engine calls: it begins, drives and explains. Evaluates to a function of the globals.
(globals) => {
  'use strict';
  const { process, define, code } = globals;
  const { ownKeys, getOwnPropertyDescriptor } = Reflect;
  const { isError } = Error;
  const { isArray } = Array;
  const { stringify } = JSON;
  const text = String;
  const test = Function.prototype.call.bind(RegExp.prototype.exec);
  const includes = Function.prototype.call.bind(Array.prototype.includes);
  const push = Function.prototype.call.bind(Array.prototype.push);
  const pop = Function.prototype.call.bind(Array.prototype.pop);
  const identifier = /^[A-Za-z_$][\w$]*$/;
  let given;
  let told;

  // Gives the code what it may know.
  const begin = (inputs, env, context) => {
    given = inputs;
    told = context;
    context.env = env;
    process.env = env;
    define('inputs', inputs);
    define('env', env);
    define('context', context);
    const module = { exports: {} };
    define('module', module);
    define('exports', module.exports);
  };

  // The value of the code: what it is, or what it gives when it is called.
  const finish = async (value) => {
    value = await value;
    return typeof value === 'function' ? value(given, told) : value;
  };
  const module = async (evaluated, namespace, name) => {
    await evaluated;
    const value = namespace[name];
    if (name !== 'default' && typeof value !== 'function') throw new TypeError(`\`${name}\` is no function`);
    return finish(value);
  };

  const read = (holder, name) => {
    try {
      const value = holder[name];
      return value === undefined || value === null ? '' : typeof value === 'string' ? value : text(value);
    } catch {
      return '';
    }
  };
  const brief = (thrown) => {
    if (isError(thrown)) {
      const name = read(thrown, 'name');
      const message = read(thrown, 'message');
      return name === '' ? message : message === '' ? name : `${name}: ${message}`;
    }
    if (typeof thrown === 'object' && thrown !== null) {
      const message = read(thrown, 'message');
      if (message !== '') return message;
      try {
        return stringify(thrown) ?? text(thrown);
      } catch {
        return 'an object that cannot be shown';
      }
    }
    return typeof thrown === 'string' ? thrown : text(thrown);
  };
  const flag = (thrown) => {
    try {
      return typeof thrown.retryable === 'boolean' ? thrown.retryable : undefined;
    } catch {
      return undefined;
    }
  };
  // What was thrown: [name, message, stack, cause, retryable].
  const explain = (thrown) => {
    if (!isError(thrown)) {
      return ['', brief(thrown), read(thrown ?? {}, 'stack'), '', flag(thrown)];
    }
    let cause = '';
    try {
      cause = thrown.cause === undefined ? '' : brief(thrown.cause);
    } catch {
      cause = '';
    }
    return [read(thrown, 'name'), read(thrown, 'message'), read(thrown, 'stack'), cause, flag(thrown)];
  };

  // Where a value is no JSON, and why: [path, reason], or undefined.
  const unfit = (value) => {
    const around = [];
    const walk = (at, path) => {
      if (typeof at === 'bigint') return [path, 'is a BigInt'];
      if (typeof at !== 'object' || at === null) return undefined;
      if (includes(around, at)) return [path, 'contains itself'];
      push(around, at);
      const list = isArray(at);
      for (const key of ownKeys(at)) {
        if (typeof key === 'symbol') continue;
        const found = getOwnPropertyDescriptor(at, key);
        if (found === undefined || !found.enumerable || !('value' in found)) continue;
        const place = list ? `[${key}]` : test(identifier, key) ? `.${key}` : `[${stringify(key)}]`;
        const inside = walk(found.value, path + place);
        if (inside !== undefined) return inside;
      }
      pop(around);
      return undefined;
    };
    return walk(value, 'returnValue');
  };

  return { begin, finish, module, explain, unfit, exitCode: () => code(process.exitCode) };
}

// Counts words: a plugin in AssemblyScript, on the kit of Extism.
//
// AssemblyScript is TypeScript that is compiled to WebAssembly. It has no JSON of its own; `json.ts`
// is as much of it as this plugin needs.

import { Config, Host, LogLevel } from "@extism/as-pdk";
import { error_set } from "@extism/as-pdk/lib/env";
import { Memory } from "@extism/as-pdk/lib/pdk";
import { fieldOf, integerOf, quoted, textOf } from "./json";

/** What the plugin says of itself, asked once when it is loaded. */
export function turbocat_manifest(): i32 {
  return answer(`{
    "name": "words", "version": "0.3.0", "description": "Counts words",
    "agents": [
      {
        "name": "count-words", "description": "Counts the words and letters of a text.",
        "input": {
          "type": "object", "required": ["text"],
          "properties": { "text": { "type": "string" } }
        },
        "output": {
          "type": "object", "required": ["words", "letters", "longest"],
          "properties": {
            "words": { "type": "integer" }, "letters": { "type": "integer" }, "longest": { "type": "string" }
          }
        }
      },
      {
        "name": "top-words", "description": "Finds the words that a text has most often.",
        "input": {
          "type": "object", "required": ["text"],
          "properties": { "text": { "type": "string" }, "limit": { "type": "integer", "minimum": 1 } }
        },
        "output": {
          "type": "array",
          "items": {
            "type": "object", "required": ["word", "times"],
            "properties": { "word": { "type": "string" }, "times": { "type": "integer" } }
          }
        },
        "config": {
          "type": "object", "additionalProperties": false,
          "properties": { "without": { "type": "string", "description": "Words that do not count." } }
        }
      }
    ],
    "limits": { "memoryBytes": 16777216, "timeMs": 2000 }
  }`);
}

/** The agent `count-words`. */
export function count_words(): i32 {
  const text = textOf(fieldOf(Host.inputString(), "text"));
  if (text === null) return fail("input", "`text` must be a text");
  const found = words(text);
  let letters = 0;
  let longest = "";
  for (let i = 0; i < found.length; i++) {
    letters += found[i].length;
    if (found[i].length > longest.length) longest = found[i];
  }
  return answer(`{"words":${found.length},"letters":${letters},"longest":${quoted(longest)}}`);
}

/** The agent `top-words`. */
export function top_words(): i32 {
  const input = Host.inputString();
  const text = textOf(fieldOf(input, "text"));
  if (text === null) return fail("input", "`text` must be a text");
  const limit = integerOf(fieldOf(input, "limit"), 10);
  if (limit < 1) return fail("input", "`limit` must be at least 1");

  // Settings that are texts can be read one by one, as in any Extism plugin.
  const without = Config.get("without");
  const skipped = without === null ? new Array<string>() : words(without);

  const names = new Array<string>();
  const times = new Map<string, i32>();
  const found = words(text);
  for (let i = 0; i < found.length; i++) {
    const word = found[i].toLowerCase();
    if (skipped.includes(word)) continue;
    if (times.has(word)) {
      times.set(word, times.get(word) + 1);
    } else {
      times.set(word, 1);
      names.push(word);
    }
  }
  Host.log(LogLevel.Info, `${names.length} different words`);

  // A list that stays in order: whoever came first wins a tie.
  let out = "[";
  for (let rank = 0; rank < limit && rank < names.length; rank++) {
    let best = 0;
    for (let i = 1; i < names.length; i++) {
      if (times.get(names[i]) > times.get(names[best])) best = i;
    }
    if (times.get(names[best]) == 0) break;
    out += `${rank == 0 ? "" : ","}{"word":${quoted(names[best])},"times":${times.get(names[best])}}`;
    times.set(names[best], 0);
  }
  return answer(out + "]");
}

/** The words of a text: what stands between spaces and signs of ASCII. */
function words(text: string): string[] {
  const found = new Array<string>();
  let word = "";
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const digit = unit >= 0x30 && unit <= 0x39;
    const letter = (unit | 0x20) >= 0x61 && (unit | 0x20) <= 0x7a;
    if (digit || letter || unit == 0x27 || unit > 0x7f) {
      word += text.charAt(i);
    } else if (word.length > 0) {
      found.push(word);
      word = "";
    }
  }
  if (word.length > 0) found.push(word);
  return found;
}

function answer(json: string): i32 {
  // Not `Host.outputString`: it takes the length before the text becomes UTF-8.
  Host.output(Uint8Array.wrap(String.UTF8.encode(json)));
  return 0;
}

function fail(kind: string, message: string): i32 {
  const failure = `{"kind":${quoted(kind)},"message":${quoted(message)},"retryable":false}`;
  error_set(Memory.allocateString(failure).offset);
  return 1;
}

/** What a failed assertion or a wrong index comes to: named by `--use abort=words/myAbort`. */
export function myAbort(message: string | null, file: string | null, line: u32, column: u32): void {
  const why = message === null ? "the plugin stopped" : message;
  const where = file === null ? "" : file;
  const detail = `{"file":${quoted(where)},"line":${line},"column":${column}}`;
  const failure = `{"kind":"panic","message":${quoted(why)},"retryable":false,"detail":${detail}}`;
  error_set(Memory.allocateString(failure).offset);
  unreachable();
}

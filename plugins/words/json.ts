// As much JSON as a small plugin needs: a field of an object, a text, a whole number.
//
// The host sends nothing but JSON that is right, so this looks for what it wants and passes over
// the rest.

/** The text of a field of the outermost object, or null. */
export function fieldOf(json: string, name: string): string | null {
  let at = blank(json, 0);
  if (at >= json.length || json.charAt(at) != "{") return null;
  at = blank(json, at + 1);
  while (at < json.length && json.charAt(at) == '"') {
    const keyEnd = skip(json, at);
    const key = textOf(json.substring(at, keyEnd));
    const start = blank(json, blank(json, keyEnd) + 1); // after the colon
    const end = skip(json, start);
    if (key !== null && key == name) return json.substring(start, end);
    at = blank(json, end);
    if (at < json.length && json.charAt(at) == ",") at = blank(json, at + 1);
  }
  return null;
}

/** What a text of JSON says, or null if the value is none. */
export function textOf(value: string | null): string | null {
  if (value === null || value.length < 2 || value.charAt(0) != '"') return null;
  let text = "";
  for (let i = 1; i < value.length - 1; i++) {
    if (value.charAt(i) != "\\") {
      text += value.charAt(i);
      continue;
    }
    i++;
    const sign = value.charAt(i);
    if (sign == "u") {
      text += String.fromCharCode(u16(parseInt(value.substring(i + 1, i + 5), 16)));
      i += 4;
    } else if (sign == "n") text += "\n";
    else if (sign == "t") text += "\t";
    else if (sign == "r") text += "\r";
    else if (sign == "b") text += "\b";
    else if (sign == "f") text += "\f";
    else text += sign;
  }
  return text;
}

/** A whole number, or what to take if there is none. */
export function integerOf(value: string | null, otherwise: i32): i32 {
  return value === null ? otherwise : i32(parseFloat(value));
}

/** A text as JSON. */
export function quoted(text: string): string {
  let out = '"';
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit == 0x22 || unit == 0x5c) out += "\\" + text.charAt(i);
    else if (unit < 0x20) out += "\\u00" + (unit < 0x10 ? "0" : "1") + (unit & 15).toString(16);
    else out += text.charAt(i);
  }
  return out + '"';
}

function blank(json: string, at: i32): i32 {
  while (at < json.length && json.charCodeAt(at) <= 0x20) at++;
  return at;
}

/** The end of the value that begins here. */
function skip(json: string, at: i32): i32 {
  let depth = 0;
  while (at < json.length) {
    const sign = json.charAt(at);
    if (sign == '"') {
      at++;
      while (at < json.length && json.charAt(at) != '"') at += json.charAt(at) == "\\" ? 2 : 1;
    } else if (sign == "{" || sign == "[") depth++;
    else if (sign == "}" || sign == "]") {
      if (depth == 0) return at;
      depth--;
    } else if (depth == 0 && (sign == "," || sign == ":" || json.charCodeAt(at) <= 0x20)) return at;
    at++;
    if (depth == 0 && (sign == '"' || sign == "}" || sign == "]")) return at;
  }
  return at;
}

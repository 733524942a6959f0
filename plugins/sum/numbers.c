/* Reads a list of numbers from JSON, and adds it up by Neumaier's method. */
#include "numbers.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *blank(const char *at) {
  while (isspace((unsigned char)*at)) at++;
  return at;
}

/* The end of the value that begins here. */
static const char *skip(const char *at) {
  int depth = 0;
  do {
    if (*at == '"') {
      for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1]) at++;
      if (*at) at++;
    } else if (*at == '{' || *at == '[') {
      depth++, at++;
    } else if (*at == '}' || *at == ']') {
      depth--, at++;
    } else if (depth > 0) {
      if (*at) at++;
    } else {
      while (*at && !strchr(",]} \t\r\n", *at)) at++;
    }
  } while (depth > 0 && *at);
  return at;
}

bool find_numbers(const char *json, const char *field, struct numbers *found) {
  found->items = NULL;
  found->count = 0;
  const char *at = blank(json);
  if (*at != '{') return false;
  at = blank(at + 1);
  const char *list = NULL;
  while (*at == '"') {
    const char *key = at + 1, *end = skip(at);
    at = blank(end);
    if (*at != ':') return false;
    at = blank(at + 1);
    size_t length = (size_t)(end - key) - 1;
    if (length == strlen(field) && strncmp(key, field, length) == 0) list = at;
    at = blank(skip(at));
    if (*at == ',') at = blank(at + 1);
  }
  if (!list || *list != '[') return false;

  size_t room = 0;
  at = blank(list + 1);
  while (*at && *at != ']') {
    char *end;
    double number = *at == '-' || isdigit((unsigned char)*at) ? strtod(at, &end) : (end = (char *)at, 0);
    if (end == at) break;
    if (found->count == room) {
      room = room ? room * 2 : 16;
      double *items = realloc(found->items, room * sizeof *items);
      if (!items) abort();
      found->items = items;
    }
    found->items[found->count++] = number;
    at = blank(end);
    if (*at == ',') at = blank(at + 1);
  }
  if (*at == ']') return true;
  free(found->items);
  found->items = NULL;
  found->count = 0;
  return false;
}

/* The shortest text that is read back as the same number. */
static void shortest(double number, char *text, size_t room) {
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(text, room, "%.*g", digits, number);
    if (strtod(text, NULL) == number) return;
  }
}

bool write_sums(const struct numbers *numbers, char *json, size_t room) {
  double sum = 0, lost = 0, least = 0, greatest = 0;
  for (size_t i = 0; i < numbers->count; i++) {
    double next = numbers->items[i], both = sum + next;
    lost += fabs(sum) >= fabs(next) ? (sum - both) + next : (next - both) + sum;
    sum = both;
    if (i == 0 || next < least) least = next;
    if (i == 0 || next > greatest) greatest = next;
  }
  sum += lost;
  if (!isfinite(sum)) return false;
  char of_sum[32], of_mean[32], of_least[32], of_greatest[32];
  shortest(sum, of_sum, sizeof of_sum);
  if (numbers->count == 0) {
    snprintf(json, room, "{\"sum\":%s,\"count\":0}", of_sum);
    return true;
  }
  shortest(sum / (double)numbers->count, of_mean, sizeof of_mean);
  shortest(least, of_least, sizeof of_least);
  shortest(greatest, of_greatest, sizeof of_greatest);
  snprintf(json, room, "{\"sum\":%s,\"count\":%zu,\"mean\":%s,\"least\":%s,\"greatest\":%s}", of_sum,
           numbers->count, of_mean, of_least, of_greatest);
  return true;
}

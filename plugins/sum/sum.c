/* Adds numbers up without losing the small ones: a plugin in C. */
#include "numbers.h"
#include "turbocat.h"
#include <stdio.h>

TC_AGENT(turbocat_manifest) {
  return tc_answer(
      "{\"name\":\"sum\",\"version\":\"1.0.0\",\"description\":\"Adds numbers up\",\"agents\":[{"
      "\"name\":\"sum\",\"description\":\"Adds numbers up without losing the small ones.\","
      "\"input\":{\"type\":\"object\",\"required\":[\"numbers\"],\"properties\":"
      "{\"numbers\":{\"type\":\"array\",\"items\":{\"type\":\"number\"}}}},"
      "\"output\":{\"type\":\"object\",\"required\":[\"sum\",\"count\"],\"properties\":"
      "{\"sum\":{\"type\":\"number\"},\"count\":{\"type\":\"integer\"},\"mean\":{\"type\":\"number\"},"
      "\"least\":{\"type\":\"number\"},\"greatest\":{\"type\":\"number\"}}}}],"
      "\"limits\":{\"memoryBytes\":33554432,\"timeMs\":2000}}");
}

TC_AGENT(sum) {
  char *input = tc_input();
  struct numbers numbers;
  if (!find_numbers(input, "numbers", &numbers)) {
    free(input);
    return tc_fail("{\"kind\":\"input\",\"message\":\"`numbers` must be a list of numbers\",\"retryable\":false}");
  }
  char json[256];
  bool fits = write_sums(&numbers, json, sizeof json);
  free(numbers.items);
  free(input);
  if (!fits)
    return tc_fail("{\"kind\":\"sum.overflow\",\"message\":\"the sum is too large\",\"retryable\":false}");
  tc_log_info(tc_text("added up"));
  return tc_answer(json);
}

/* The wire format for plugins in C: the imports of an Extism host, and of Turbocat.
 *
 * Values go through blocks of the host's memory, by offset (0: none); the host checks every access.
 * An export `int32_t NAME(void)` is an agent: it reads the inputs of the step as JSON (tc_input),
 * leaves its output as JSON (tc_answer), and returns 0; or leaves why it failed (tc_fail) and
 * returns 1. The export `turbocat_manifest` answers with what the plugin is (docs/plugins.md). */
#ifndef TURBOCAT_H
#define TURBOCAT_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TC_AGENT(name) __attribute__((export_name(#name))) int32_t name(void)
#define TC_ENV(type, name, ...) \
  __attribute__((import_module("extism:host/env"), import_name(#name))) extern type tc_##name(__VA_ARGS__)
#define TC_USER(type, name, ...) \
  __attribute__((import_module("extism:host/user"), import_name("turbocat_" #name))) extern type tc_##name(__VA_ARGS__)

TC_ENV(uint64_t, alloc, uint64_t length);
TC_ENV(void, free, uint64_t offset);
TC_ENV(uint64_t, length, uint64_t offset);
TC_ENV(uint8_t, load_u8, uint64_t offset);
TC_ENV(void, store_u8, uint64_t offset, uint8_t byte);
TC_ENV(uint64_t, input_length, void);
TC_ENV(uint8_t, input_load_u8, uint64_t at);
TC_ENV(void, output_set, uint64_t offset, uint64_t length);
TC_ENV(void, error_set, uint64_t offset);
TC_ENV(uint64_t, config_get, uint64_t key);   /* text settings; "turbocat.context" is all as JSON */
TC_ENV(void, log_info, uint64_t message);     /* log_trace, _debug, _warn, _error likewise */
TC_USER(void, progress, uint64_t json);       /* how far the work is */
TC_USER(uint64_t, secret, uint64_t name);     /* granted as `secret NAME` */
TC_USER(uint64_t, state_get, uint64_t key);   /* granted as `state` */
TC_USER(void, state_set, uint64_t key, uint64_t value); /* value 0: forget */

/* A text in the host's memory. */
static inline uint64_t tc_text(const char *text) {
  uint64_t length = strlen(text), offset = tc_alloc(length);
  for (uint64_t i = 0; i < length; i++) tc_store_u8(offset + i, (uint8_t)text[i]);
  return offset;
}

/* The inputs of the step, as JSON that ends in 0; free() it. */
static inline char *tc_input(void) {
  uint64_t length = tc_input_length();
  char *input = malloc(length + 1);
  if (!input) abort();
  for (uint64_t i = 0; i < length; i++) input[i] = (char)tc_input_load_u8(i);
  input[length] = 0;
  return input;
}

/* The output of the step, as JSON. */
static inline int32_t tc_answer(const char *json) { return tc_output_set(tc_text(json), strlen(json)), 0; }

/* Why it failed: plain text, or JSON `{"kind": …, "message": …, "retryable": …}`. */
static inline int32_t tc_fail(const char *failure) { return tc_error_set(tc_text(failure)), 1; }
#endif

/* A list of numbers: read from JSON, added up. Knows no host, so that it can be tested anywhere. */
#ifndef NUMBERS_H
#define NUMBERS_H
#include <stdbool.h>
#include <stddef.h>

struct numbers {
  double *items;
  size_t count;
};

/* The list of numbers that a field of a JSON object holds. False: there is none. */
bool find_numbers(const char *json, const char *field, struct numbers *found);

/* Sum, count, mean, least and greatest, as JSON. False: the sum is too large for a number. */
bool write_sums(const struct numbers *numbers, char *json, size_t room);
#endif

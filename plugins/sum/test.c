/* What stands in numbers.c, tested on any machine: cc numbers.c test.c -lm -o test && ./test */
#include "numbers.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int wrong = 0;

static void check(const char *json, const char *expected) {
  struct numbers numbers;
  char found[256] = "none";
  if (find_numbers(json, "numbers", &numbers) && !write_sums(&numbers, found, sizeof found))
    strcpy(found, "too large");
  free(numbers.items);
  if (strcmp(found, expected) == 0) return;
  printf("%s: %s, but expected %s\n", json, found, expected);
  wrong++;
}

int main(void) {
  check("{\"numbers\":[1,2.5,-3e1]}", "{\"sum\":-26.5,\"count\":3,\"mean\":-8.833333333333334,\"least\":-30,\"greatest\":2.5}");
  check("{\"numbers\":[]}", "{\"sum\":0,\"count\":0}");
  check(" { \"a\" : [ { \"numbers\" : [1] } , \"]\\\"\" ] , \"numbers\" : [ 0.1 , 0.2 ] } ",
        "{\"sum\":0.30000000000000004,\"count\":2,\"mean\":0.15000000000000002,\"least\":0.1,\"greatest\":0.2}");
  check("{\"numbers\":[1e100,1,-1e100]}", "{\"sum\":1,\"count\":3,\"mean\":0.3333333333333333,\"least\":-1e+100,\"greatest\":1e+100}");
  check("{\"numbers\":[1e308,1e308]}", "too large");
  check("{\"numbers\":[1,\"2\"]}", "none");
  check("{\"numbers\":[1,true]}", "none");
  check("{\"numbers\":7}", "none");
  check("{\"other\":[1]}", "none");
  check("[1]", "none");
  check("", "none");
  check("{\"numbers\":[1", "none");
  check("{\"numbers", "none");
  if (!wrong) printf("all is well\n");
  return wrong != 0;
}

/*
 * A small application: activates, uses tokens, and goes on while the server is stopped.
 *
 *     desk CONFIG.json LICENSE-KEY
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ltlm.h>

/* Tells what failed, and ends. */
static void check(int32_t code, const char *what) {
  if (code != LTLM_OK) {
    char *told = ltlm_last_error();
    fprintf(stderr, "%s: %s\n", what, told != NULL ? told : "it failed");
    ltlm_string_free(told);
    exit(1);
  }
}

static void on_event(void *user, const char *event_json, size_t len) {
  (void)user;
  printf("  * %.*s\n", (int)len, event_json);
}

static char *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  char *text = calloc(1, 65536);
  if (file == NULL || text == NULL || fread(text, 1, 65535, file) == 0) {
    fprintf(stderr, "%s cannot be read.\n", path);
    exit(1);
  }
  fclose(file);
  return text;
}

static void wait_for_enter(const char *what) {
  printf("%s, and press Enter.\n", what);
  fflush(stdout);
  for (int letter = getchar(); letter != '\n' && letter != EOF;) {
    letter = getchar();
  }
}

static void show(ltlm_client client, const char *when) {
  int32_t status = 0;
  int64_t balance = 0;
  uint64_t pending = 0;
  check(ltlm_status(client, &status, NULL), "status");
  check(ltlm_balance(client, &balance), "balance");
  check(ltlm_pending(client, &pending), "pending");
  printf("%s: status %" PRId32 ", %" PRId64 " tokens, %" PRIu64 " uses wait\n", when, status, balance, pending);
}

int main(int count, char **words) {
  if (count != 3) {
    fprintf(stderr, "desk CONFIG.json LICENSE-KEY\n");
    return 2;
  }
  char *config = read_file(words[1]);
  ltlm_client client = 0;
  check(ltlm_client_new(config, &client), "configuration");
  free(config);
  check(ltlm_on_event(client, on_event, NULL), "events");

  if (ltlm_load_stored(client, 0, NULL) != LTLM_OK) {
    check(ltlm_activate(client, words[2], 0, NULL), "activation");
  }
  bool entitled = false;
  check(ltlm_entitled(client, "pro", 3, &entitled), "entitlement");
  printf("entitled: %s\n", entitled ? "yes" : "no");
  check(ltlm_consume(client, 3, "export", "{\"format\":\"pdf\"}", NULL), "use");
  check(ltlm_sync(client, 0, NULL), "sync");
  show(client, "online");

  wait_for_enter("Stop the server");
  check(ltlm_consume(client, 2, "export", NULL, NULL), "use without the server");
  show(client, "offline");

  wait_for_enter("Start the server");
  uint64_t pending = 1;
  for (int tries = 0; pending > 0 && tries < 600; tries++) {
    ltlm_sync(client, 0, NULL); /* Until it can be reached. */
    check(ltlm_pending(client, &pending), "pending");
    struct timespec pause = {0, 100 * 1000 * 1000};
    nanosleep(&pause, NULL);
  }
  show(client, "again");
  check(ltlm_client_free(client), "closing");
  return 0;
}

/*
 * The contract's cases of the C interface, against a local server.
 *
 *     cases CONFIG-PREFIX LICENSE-KEY FOLDER SILENT-URL USES
 *
 * CONFIG-PREFIX is a configuration's JSON without its last brace; SILENT-URL takes connections and says nothing.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ltlm.h>

#define CHECK(condition)                                                                                       \
  do {                                                                                                         \
    if (!(condition)) {                                                                                        \
      char *told = ltlm_last_error();                                                                          \
      fprintf(stderr, "%s:%d: %s; the latest error: %s\n", __FILE__, __LINE__, #condition,                     \
              told != NULL ? told : "none");                                                                   \
      _exit(1);                                                                                                \
    }                                                                                                          \
  } while (0)

static const char *prefix, *key, *folder, *silent;

/* Devices that activate are one: a license has only so many places. */
static ltlm_client open_client(const char *device, const char *more) {
  char config[8192];
  int length = snprintf(config, sizeof config, "%s,\"dataDir\":\"%s/%s\",\"deviceId\":\"%s\"%s}", prefix, folder, device,
                        device, more);
  CHECK(length > 0 && (size_t)length < sizeof config);
  ltlm_client client = 0;
  CHECK(ltlm_client_new(config, &client) == LTLM_OK && client != 0);
  return client;
}

static void nap(void) {
  struct timespec pause = {0, 10 * 1000 * 1000};
  nanosleep(&pause, NULL);
}

/* C-7, C-8: what is null, no UTF-8 or no client is told so by every function. */
static void c7_c8_bad_arguments(void) {
  ltlm_client client = open_client("arguments", ""), dead = open_client("dead", "");
  CHECK(ltlm_client_free(dead) == LTLM_OK);
  CHECK(ltlm_client_free(dead) == LTLM_BAD_HANDLE);
  CHECK(ltlm_client_free(0) == LTLM_BAD_HANDLE && ltlm_client_free(UINT64_MAX) == LTLM_BAD_HANDLE);

  const char *bad = "\xff\xfe";
  ltlm_client none = 7;
  char *out = (char *)0x1;
  int64_t balance = 0;
  uint64_t number = 0;
  bool truth = true;
  CHECK(ltlm_client_new(NULL, &none) == LTLM_NULL_ARGUMENT && none == 0);
  CHECK(ltlm_client_new("{}", NULL) == LTLM_NULL_ARGUMENT);
  CHECK(ltlm_client_new(bad, &none) == LTLM_BAD_UTF8);
  CHECK(ltlm_client_new("{", &none) == LTLM_BAD_CONFIG);
  CHECK(ltlm_client_new("{\"baseUrl\":1}", &none) == LTLM_BAD_CONFIG);

  CHECK(ltlm_activate(client, NULL, 0, &out) == LTLM_NULL_ARGUMENT && out == NULL);
  CHECK(ltlm_activate(client, bad, 0, NULL) == LTLM_BAD_UTF8);
  CHECK(ltlm_validate(client, NULL, 0, NULL) == LTLM_NULL_ARGUMENT);
  CHECK(ltlm_validate(client, bad, 0, NULL) == LTLM_BAD_UTF8);
  CHECK(ltlm_import_file(client, NULL, 3, 0, NULL) == LTLM_NULL_ARGUMENT);
  CHECK(ltlm_import_file(client, bad, SIZE_MAX, 0, NULL) == LTLM_NULL_ARGUMENT);
  CHECK(ltlm_import_file(client, bad, 2, 0, NULL) == LTLM_BAD_UTF8);
  CHECK(ltlm_import_file(client, "no file", 7, 0, NULL) == LTLM_FILE_INVALID);
  CHECK(ltlm_snapshot(client, NULL) == LTLM_NULL_ARGUMENT);
  CHECK(ltlm_balance(client, NULL) == LTLM_NULL_ARGUMENT);
  CHECK(ltlm_pending(client, NULL) == LTLM_NULL_ARGUMENT);
  CHECK(ltlm_entitled(client, "pro", 0, NULL) == LTLM_NULL_ARGUMENT);
  CHECK(ltlm_entitled(client, bad, 0, &truth) == LTLM_BAD_UTF8 && !truth);
  CHECK(ltlm_entitled(client, NULL, 0, &truth) == LTLM_OK && !truth);
  CHECK(ltlm_consume(client, 1, NULL, NULL, NULL) == LTLM_NULL_ARGUMENT);
  CHECK(ltlm_consume(client, 1, bad, NULL, NULL) == LTLM_BAD_UTF8);
  CHECK(ltlm_consume(client, 1, "a", bad, NULL) == LTLM_BAD_UTF8);
  CHECK(ltlm_consume(client, 1, "a", "[1]", NULL) == LTLM_BAD_ARGUMENT);
  CHECK(ltlm_consume(client, 1, "a", NULL, &out) == LTLM_NO_LICENSE && out == NULL);
  CHECK(ltlm_consume_confirmed(client, 1, NULL, NULL, NULL, 0, NULL) == LTLM_NULL_ARGUMENT);
  CHECK(ltlm_consume_confirmed(client, 1, "a", NULL, bad, 0, NULL) == LTLM_BAD_UTF8);
  CHECK(ltlm_release_seat(client, NULL, false, 0, NULL) == LTLM_NULL_ARGUMENT);
  CHECK(ltlm_release_seat(client, bad, false, 0, NULL) == LTLM_BAD_UTF8);
  CHECK(ltlm_settings_save(client, NULL, 0, NULL) == LTLM_NULL_ARGUMENT);
  CHECK(ltlm_settings_save(client, bad, 0, NULL) == LTLM_BAD_UTF8);
  CHECK(ltlm_settings_save(client, "{\"a\":", 0, NULL) == LTLM_BAD_ARGUMENT);
  CHECK(ltlm_call(client, NULL, NULL, &number) == LTLM_NULL_ARGUMENT);
  CHECK(ltlm_call(client, "seats", NULL, NULL) == LTLM_NULL_ARGUMENT);
  CHECK(ltlm_call(client, "seats", bad, &number) == LTLM_BAD_UTF8);
  CHECK(ltlm_call(client, "no_such_method", NULL, &number) == LTLM_BAD_ARGUMENT && number == 0);
  CHECK(ltlm_call_wait(client, NULL, NULL, 0, NULL) == LTLM_NULL_ARGUMENT);
  CHECK(ltlm_call_wait(client, bad, NULL, 0, NULL) == LTLM_BAD_UTF8);
  CHECK(ltlm_call_wait(client, "activate", "{\"kye\":\"k\"}", 0, NULL) == LTLM_BAD_ARGUMENT);
  CHECK(ltlm_cancel(client, 5) == LTLM_BAD_ARGUMENT);
  CHECK(ltlm_next_event(client, 0, NULL) == LTLM_NULL_ARGUMENT);
  CHECK(ltlm_status(client, NULL, NULL) == LTLM_OK);
  ltlm_string_free(NULL);
  CHECK(strlen(ltlm_version()) >= 5);

  CHECK(ltlm_load_stored(dead, 0, NULL) == LTLM_BAD_HANDLE);
  CHECK(ltlm_activate(dead, "k", 0, NULL) == LTLM_BAD_HANDLE);
  CHECK(ltlm_validate(dead, "k", 0, NULL) == LTLM_BAD_HANDLE);
  CHECK(ltlm_import_file(dead, "k", 1, 0, NULL) == LTLM_BAD_HANDLE);
  CHECK(ltlm_sign_out(dead, 0, NULL) == LTLM_BAD_HANDLE);
  CHECK(ltlm_reactivate(dead, 0, NULL) == LTLM_BAD_HANDLE);
  CHECK(ltlm_clear(dead) == LTLM_BAD_HANDLE);
  CHECK(ltlm_status(dead, NULL, NULL) == LTLM_BAD_HANDLE);
  CHECK(ltlm_snapshot(dead, &out) == LTLM_BAD_HANDLE);
  CHECK(ltlm_balance(dead, &balance) == LTLM_BAD_HANDLE);
  CHECK(ltlm_entitled(dead, NULL, 0, &truth) == LTLM_BAD_HANDLE);
  CHECK(ltlm_consume(dead, 1, "a", NULL, NULL) == LTLM_BAD_HANDLE);
  CHECK(ltlm_consume_confirmed(dead, 1, "a", NULL, NULL, 0, NULL) == LTLM_BAD_HANDLE);
  CHECK(ltlm_pending(dead, &number) == LTLM_BAD_HANDLE);
  CHECK(ltlm_sync(dead, 0, NULL) == LTLM_BAD_HANDLE);
  CHECK(ltlm_seats(dead, 0, NULL) == LTLM_BAD_HANDLE);
  CHECK(ltlm_release_seat(dead, "h", true, 0, NULL) == LTLM_BAD_HANDLE);
  CHECK(ltlm_settings_get(dead, 0, NULL) == LTLM_BAD_HANDLE);
  CHECK(ltlm_settings_save(dead, "{}", 0, NULL) == LTLM_BAD_HANDLE);
  CHECK(ltlm_call(dead, "seats", NULL, &number) == LTLM_BAD_HANDLE);
  CHECK(ltlm_call_wait(dead, "seats", NULL, 0, NULL) == LTLM_BAD_HANDLE);
  CHECK(ltlm_cancel(dead, 1) == LTLM_BAD_HANDLE);
  CHECK(ltlm_next_event(dead, -1, &out) == LTLM_BAD_HANDLE);
  CHECK(ltlm_on_event(dead, NULL, NULL) == LTLM_BAD_HANDLE);
  CHECK(ltlm_pause(dead, true) == LTLM_BAD_HANDLE);
  char *told = ltlm_last_error();
  CHECK(told != NULL && strstr(told, "\"BAD_HANDLE\"") != NULL);
  ltlm_string_free(told);
  CHECK(ltlm_client_free(client) == LTLM_OK);
}

/* Until nothing waits to be charged, and the server has told the balance then. */
static int64_t settled_balance(ltlm_client client) {
  uint64_t pending = 1;
  int64_t balance = 0;
  for (int tries = 0; pending > 0 && tries < 12000; tries++, nap()) {
    CHECK(ltlm_pending(client, &pending) == LTLM_OK);
  }
  CHECK(pending == 0 && ltlm_call_wait(client, "refresh", NULL, 60000, NULL) == LTLM_OK);
  CHECK(ltlm_balance(client, &balance) == LTLM_OK);
  return balance;
}

/* Every method that answers from what the server knows, with what it writes. */
static void a_license_from_end_to_end(void) {
  ltlm_client client = open_client("device", "");
  CHECK(ltlm_clear(client) == LTLM_OK && ltlm_load_stored(client, 0, NULL) == LTLM_NO_LICENSE);
  CHECK(ltlm_activate(client, "LIC-0000000000000000", 0, NULL) == LTLM_REFUSED);
  char *out = ltlm_last_error();
  CHECK(strstr(out, "\"serverCode\":\"LICENSE_NOT_FOUND\"") != NULL);
  ltlm_string_free(out);
  CHECK(ltlm_activate(client, key, 0, &out) == LTLM_OK);
  CHECK(strstr(out, "\"status\":\"active\"") != NULL && strstr(out, "\"licenseKey\"") != NULL);
  ltlm_string_free(out);
  int32_t status = -1, reason = -1;
  CHECK(ltlm_status(client, &status, &reason) == LTLM_OK && status == LTLM_STATUS_ACTIVE && reason == LTLM_REASON_SERVER);
  int64_t before = settled_balance(client), after = 0;
  bool truth = false;
  CHECK(before > 10);
  CHECK(ltlm_entitled(client, "pro", before, &truth) == LTLM_OK && truth);
  CHECK(ltlm_entitled(client, "pro", before + 1, &truth) == LTLM_OK && !truth);
  CHECK(ltlm_consume(client, 3, "export", "{\"pages\":2}", &out) == LTLM_OK && strstr(out, "operationId") != NULL);
  ltlm_string_free(out);
  CHECK(ltlm_balance(client, &after) == LTLM_OK && after == before - 3);
  CHECK(ltlm_consume(client, INT32_MAX, "export", NULL, NULL) == LTLM_BAD_ARGUMENT);
  CHECK(ltlm_consume(client, 1000000, "export", NULL, NULL) == LTLM_INSUFFICIENT_TOKENS);
  char operation[64], arguments[128];
  snprintf(operation, sizeof operation, "c-%d", (int)getpid());
  snprintf(arguments, sizeof arguments, "{\"operationId\":\"%s\"}", operation);
  for (int twice = 0; twice < 2; twice++) {
    CHECK(ltlm_consume_confirmed(client, 2, "render", NULL, operation, 0, &out) == LTLM_OK);
    CHECK(strstr(out, operation) != NULL);
    ltlm_string_free(out);
  }
  CHECK(settled_balance(client) == before - 5);
  CHECK(ltlm_sync(client, 0, &out) == LTLM_OK && strcmp(out, "{\"charged\":0,\"skipped\":0}") == 0);
  ltlm_string_free(out);
  CHECK(ltlm_seats(client, 0, &out) == LTLM_OK && strstr(out, "\"isCurrentDevice\":true") != NULL);
  ltlm_string_free(out);
  CHECK(ltlm_release_seat(client, "nobody", false, 0, NULL) == LTLM_REFUSED);
  CHECK(ltlm_settings_save(client, "{\"theme\":\"dark\"}", 0, NULL) == LTLM_OK);
  CHECK(ltlm_settings_get(client, 0, &out) == LTLM_OK && strcmp(out, "{\"theme\":\"dark\"}") == 0);
  ltlm_string_free(out);
  CHECK(ltlm_snapshot(client, &out) == LTLM_OK && strstr(out, "\"daysLeft\"") != NULL);
  ltlm_string_free(out);
  CHECK(ltlm_call_wait(client, "operation", arguments, 0, &out) == LTLM_OK);
  CHECK(strstr(out, "\"charged\"") != NULL);
  ltlm_string_free(out);
  CHECK(ltlm_pause(client, true) == LTLM_OK && ltlm_pause(client, false) == LTLM_OK);
  CHECK(ltlm_sign_out(client, 0, NULL) == LTLM_OK);
  CHECK(ltlm_status(client, &status, NULL) == LTLM_OK && status == LTLM_STATUS_VALID_NO_SEAT);
  CHECK(ltlm_reactivate(client, 0, NULL) == LTLM_OK);
  CHECK(ltlm_status(client, &status, NULL) == LTLM_OK && status == LTLM_STATUS_ACTIVE);
  CHECK(ltlm_clear(client) == LTLM_OK);
  CHECK(ltlm_status(client, &status, NULL) == LTLM_OK && status == LTLM_STATUS_UNAUTHENTICATED);
  CHECK(ltlm_client_free(client) == LTLM_OK);
}

/* Results of calls that nobody waits for come as events, in order with the others. */
static void results_are_events(void) {
  ltlm_client client = open_client("device", "");
  char arguments[128], expected[64], *event = NULL;
  snprintf(arguments, sizeof arguments, "{\"key\":\"%s\"}", key);
  uint64_t request = 0;
  CHECK(ltlm_call(client, "activate", arguments, &request) == LTLM_OK && request > 0);
  snprintf(expected, sizeof expected, "\"request\":%" PRIu64 ",\"code\":0", request);
  bool is_started = false, is_done = false;
  while (!is_done) {
    CHECK(ltlm_next_event(client, 60000, &event) == LTLM_OK && event != NULL);
    is_started = is_started || strstr(event, "\"event\":\"validation_started\"") != NULL;
    is_done = strstr(event, "\"event\":\"call_done\"") != NULL;
    CHECK(!is_done || (is_started && strstr(event, expected) != NULL));
    ltlm_string_free(event);
  }
  CHECK(ltlm_call(client, "release_seat", "{\"hwid\":\"nobody\"}", &request) == LTLM_OK);
  do {
    CHECK(ltlm_next_event(client, 60000, &event) == LTLM_OK && event != NULL);
    is_done = strstr(event, "\"call_done\"") != NULL;
    CHECK(!is_done || (strstr(event, "\"code\":21") != NULL && strstr(event, "SEAT_NOT_HELD") != NULL));
    ltlm_string_free(event);
  } while (!is_done);
  CHECK(ltlm_client_free(client) == LTLM_OK);
}

/* Of more events than are kept the oldest go, and a result stays. */
static void results_stay(void) {
  ltlm_client client = open_client("device", "");
  CHECK(ltlm_activate(client, key, 0, NULL) == LTLM_OK);
  uint64_t request = 0;
  CHECK(ltlm_call(client, "hwid", NULL, &request) == LTLM_OK);
  for (int use = 0; use < 1100; use++) {
    CHECK(ltlm_consume(client, 1, "many", NULL, NULL) == LTLM_OK);
  }
  settled_balance(client);
  int count = 0, results = 0;
  char *event = NULL;
  for (; ltlm_next_event(client, 0, &event) == LTLM_OK && event != NULL; count++) {
    results += strstr(event, "\"call_done\"") != NULL;
    ltlm_string_free(event);
  }
  CHECK(count == 1024 && results == 1);
  CHECK(ltlm_client_free(client) == LTLM_OK);
}

static void *waits_for_an_event(void *given) {
  ltlm_client client = *(ltlm_client *)given;
  char *event = NULL;
  int32_t code = LTLM_OK;
  while (code == LTLM_OK) {
    code = ltlm_next_event(client, -1, &event);
    ltlm_string_free(event);
  }
  /* Freed before the wait began, or within it. */
  CHECK(code == LTLM_CLOSED || code == LTLM_BAD_HANDLE);
  return NULL;
}

/* A server that says nothing: calls can be canceled, too many are refused, and closing waits for none of them. */
static void calls_are_canceled_and_bounded(void) {
  char config[8192];
  snprintf(config, sizeof config,
           "{\"baseUrl\":\"%s\",\"projectId\":\"p\",\"projectSecret\":\"%064d\",\"publicKeys\":["
           "\"Kay64UG8yvCyLhqU000LxzYeUm0L/hLIl5S8kyKWbdc=\"],\"timeoutMs\":60000}",
           silent, 0);
  ltlm_client client = 0;
  CHECK(ltlm_client_new(config, &client) == LTLM_OK);
  CHECK(ltlm_activate(client, "LIC-0000000000000000", 300, NULL) == LTLM_TIMEOUT);
  pthread_t waiting;
  uint64_t first = 0, request = 0;
  char *event = NULL;
  CHECK(ltlm_call(client, "buyable", NULL, &first) == LTLM_OK);
  for (int call = 1; call < 64; call++) {
    CHECK(ltlm_call(client, "buyable", NULL, &request) == LTLM_OK);
  }
  CHECK(ltlm_call(client, "buyable", NULL, &request) == LTLM_BUSY);
  CHECK(ltlm_cancel(client, first) == LTLM_OK && ltlm_cancel(client, first) == LTLM_BAD_ARGUMENT);
  bool is_done = false;
  while (!is_done) {
    CHECK(ltlm_next_event(client, 60000, &event) == LTLM_OK && event != NULL);
    is_done = strstr(event, "\"code\":9") != NULL && strstr(event, "\"CANCELLED\"") != NULL;
    ltlm_string_free(event);
  }
  CHECK(pthread_create(&waiting, NULL, waits_for_an_event, &client) == 0);
  nap();
  CHECK(ltlm_client_free(client) == LTLM_OK);
  CHECK(pthread_join(waiting, NULL) == 0);
}

struct told {
  ltlm_client client;
  atomic_int uses;
  atomic_int freed;
};

static void on_first_use(void *user, const char *event_json, size_t len) {
  struct told *told = user;
  CHECK(strlen(event_json) == len);
  if (strstr(event_json, "\"tokens_consumed\"") == NULL) {
    return;
  }
  if (atomic_fetch_add(&told->uses, 1) == 0) {
    CHECK(ltlm_consume(told->client, 1, "within", NULL, NULL) == LTLM_OK);
    CHECK(ltlm_on_event(told->client, on_first_use, told) == LTLM_OK);
    CHECK(ltlm_seats(told->client, 0, NULL) == LTLM_OK);
  } else {
    CHECK(ltlm_client_free(told->client) == LTLM_OK);
    atomic_store(&told->freed, 1);
  }
}

/* C-9: a function that is told may call consume, on_event and free. */
static void c9_a_listener_may_call(void) {
  struct told told = {0};
  told.client = open_client("device", "");
  CHECK(ltlm_activate(told.client, key, 0, NULL) == LTLM_OK);
  CHECK(ltlm_on_event(told.client, on_first_use, &told) == LTLM_OK);
  CHECK(ltlm_consume(told.client, 1, "first", NULL, NULL) == LTLM_OK);
  for (int tries = 0; atomic_load(&told.freed) == 0 && tries < 6000; tries++) {
    nap();
  }
  CHECK(atomic_load(&told.freed) == 1 && atomic_load(&told.uses) == 2);
  CHECK(ltlm_client_free(told.client) == LTLM_BAD_HANDLE);
}

static void count_uses(void *user, const char *event_json, size_t len) {
  (void)len;
  if (strstr(event_json, "\"tokens_consumed\"") != NULL) {
    atomic_fetch_add((atomic_int *)user, 1);
  }
}

struct user {
  ltlm_client client;
  int uses;
};

static void *uses(void *given) {
  struct user *user = given;
  for (int use = 0; use < user->uses; use++) {
    CHECK(ltlm_consume(user->client, 1, "thread", NULL, NULL) == LTLM_OK);
  }
  return NULL;
}

/* C-10: four threads. */
static void c10_threads(int count) {
  ltlm_client client = open_client("device", ",\"allowOverdraft\":true");
  CHECK(ltlm_activate(client, key, 0, NULL) == LTLM_OK);
  int64_t before = settled_balance(client);
  atomic_int heard = 0;
  CHECK(ltlm_on_event(client, count_uses, &heard) == LTLM_OK);
  struct user user = {client, count};
  pthread_t threads[4];
  for (int thread = 0; thread < 4; thread++) {
    CHECK(pthread_create(&threads[thread], NULL, uses, &user) == 0);
  }
  for (int thread = 0; thread < 4; thread++) {
    CHECK(pthread_join(threads[thread], NULL) == 0);
  }
  int64_t used = before - settled_balance(client);
  if (used != 4 * count) {
    fprintf(stderr, "%" PRId64 " of %d tokens were charged\n", used, 4 * count);
  }
  CHECK(used == 4 * count);
  CHECK(atomic_load(&heard) == 4 * count);
  CHECK(ltlm_client_free(client) == LTLM_OK);
}

/* Settings of storage, certificates and the log. */
static void settings_are_checked(void) {
  char config[8192];
  ltlm_client client = 0;
  static const char *bad[] = {
      ",\"storage\":\"cloud\"}", ",\"log\":\"loud\"}", ",\"keyStore\":\"cloud\"}", ",\"caFile\":\"/no/such/file.pem\"}", ",\"storage\":\"memory\",\"dataDir\":\"d\"}",
  };
  for (size_t place = 0; place < sizeof bad / sizeof *bad; place++) {
    snprintf(config, sizeof config, "%s%s", prefix, bad[place]);
    CHECK(ltlm_client_new(config, &client) == LTLM_BAD_CONFIG && client == 0);
  }
  snprintf(config, sizeof config, "%s,\"storage\":\"memory\",\"log\":\"debug\"}", prefix);
  CHECK(ltlm_client_new(config, &client) == LTLM_OK);
  CHECK(ltlm_activate(client, "LIC-0000000000000000", 0, NULL) == LTLM_REFUSED);
  bool told = false;
  char *event = NULL;
  while (ltlm_next_event(client, 0, &event) == LTLM_OK && event != NULL) {
    if (strstr(event, "\"event\":\"log\"") != NULL) {
      told = told || strstr(event, "server=LICENSE_NOT_FOUND") != NULL;
      CHECK(strstr(event, "LIC-") == NULL);
    }
    ltlm_string_free(event);
  }
  CHECK(told);
  CHECK(ltlm_client_free(client) == LTLM_OK);
}

/* C-14: a process that was forked. AddressSanitizer's allocator does not survive a fork beside other threads: valgrind watches this one. */
#ifndef __SANITIZE_ADDRESS__
static void c14_fork(void) {
  ltlm_client client = open_client("parent", "");
  CHECK(ltlm_load_stored(client, 0, NULL) == LTLM_NO_LICENSE);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    int64_t balance = 0;
    CHECK(ltlm_balance(client, &balance) == LTLM_FORKED);
    CHECK(ltlm_activate(client, key, 0, NULL) == LTLM_FORKED);
    CHECK(ltlm_client_free(client) == LTLM_FORKED);
    CHECK(ltlm_client_free(client + 1000) == LTLM_FORKED && ltlm_client_free(3) == LTLM_BAD_HANDLE);
    ltlm_client own = open_client("child", "");
    CHECK(ltlm_load_stored(own, 0, NULL) == LTLM_NO_LICENSE);
    CHECK(ltlm_client_free(own) == LTLM_OK);
    /* What threads of the parent held is lost here, and no leak of ours: nobody looks for it in another program. */
    execlp("true", "true", (char *)NULL);
    _exit(1);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK(ltlm_load_stored(client, 0, NULL) == LTLM_NO_LICENSE);
  CHECK(ltlm_client_free(client) == LTLM_OK);
}

#endif

int main(int count, char **words) {
  if (count != 6) {
    fprintf(stderr, "cases CONFIG-PREFIX LICENSE-KEY FOLDER SILENT-URL USES\n");
    return 2;
  }
  prefix = words[1];
  key = words[2];
  folder = words[3];
  silent = words[4];
#ifndef __SANITIZE_ADDRESS__
  c14_fork();
#endif
  c7_c8_bad_arguments();
  settings_are_checked();
  a_license_from_end_to_end();
  results_are_events();
  c9_a_listener_may_call();
  calls_are_canceled_and_bounded();
  int uses_each = atoi(words[5]);
  c10_threads(uses_each);
  if (uses_each > 1000) { /* Not where every instruction is watched. */
    results_stay();
  }
  printf("the cases of the C interface passed\n");
  return 0;
}

/*
 * LTLM for applications: licenses, seats, tokens and offline use.
 * Made of the library's source by `cargo xtask docs`: changes here are lost. docs/clients/c.md tells how to use it.
 *
 * Functions answer one of `ltlm_code`; `ltlm_last_error` tells more. Texts are UTF-8 and end with a NUL; they are read before a function
 * returns and never kept. Texts that are written are the caller's, who frees them with `ltlm_string_free`. On failure null or 0 is
 * written. Where the answer of a call is not wanted, `out_json` may be null. A pointer that is not null must lead to what its type says.
 *
 * A client is a number: one that was freed is an error, not a crash. Every function may be called from any thread, and calls of
 * one client run at once. A call that waits ends within `timeout_ms`, 1 to 300,000; 0 or less stands for `timeoutMs` of the
 * configuration. After a fork, `LTLM_FORKED` is answered for the parent's clients, and new ones work.
 *
 * Data are JSON. Pass over members that you do not know: later versions have more.
 */

#ifndef LTLM_H
#define LTLM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * What a function comes to. The numbers never change; later versions may have more of them.
 */
enum ltlm_code
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Done.
   */
  LTLM_OK = 0,
  /**
   * A pointer that is needed is null.
   */
  LTLM_NULL_ARGUMENT = 1,
  /**
   * A text is not UTF-8.
   */
  LTLM_BAD_UTF8 = 2,
  /**
   * There is no client of this number: it was freed, or never was one.
   */
  LTLM_BAD_HANDLE = 3,
  /**
   * An argument is out of its range, or its JSON cannot be read.
   */
  LTLM_BAD_ARGUMENT = 4,
  /**
   * The configuration cannot be used.
   */
  LTLM_BAD_CONFIG = 5,
  /**
   * The client was closed meanwhile.
   */
  LTLM_CLOSED = 6,
  /**
   * The process was forked since the client was made: make another.
   */
  LTLM_FORKED = 7,
  /**
   * Too many calls run, or too many results wait to be fetched.
   */
  LTLM_BUSY = 8,
  /**
   * The call was canceled.
   */
  LTLM_CANCELLED = 9,
  /**
   * No connection. Tried again in the background.
   */
  LTLM_OFFLINE = 10,
  /**
   * No answer in time. Tried again in the background.
   */
  LTLM_TIMEOUT = 11,
  /**
   * No encrypted connection. Tried again in the background.
   */
  LTLM_TLS = 12,
  /**
   * The proxy refuses. Tried again in the background.
   */
  LTLM_PROXY = 13,
  /**
   * Somebody else answered: a sign-in page, a proxy's page, a redirect. Tried again in the background.
   */
  LTLM_NOT_OUR_SERVER = 14,
  /**
   * The answer does not verify, or is for another request. Tried again in the background.
   */
  LTLM_ANSWER_REJECTED = 15,
  /**
   * The server asks for patience. Tried again in the background.
   */
  LTLM_SERVER_BUSY = 16,
  /**
   * There is no license.
   */
  LTLM_NO_LICENSE = 20,
  /**
   * The server refused, or the license's state does: `serverCode` of `ltlm_last_error` tells.
   */
  LTLM_REFUSED = 21,
  /**
   * The application has to reach the server first.
   */
  LTLM_CONNECTION_REQUIRED = 22,
  /**
   * The balance is too small.
   */
  LTLM_INSUFFICIENT_TOKENS = 23,
  /**
   * The license has no tokens.
   */
  LTLM_TOKENS_DISABLED = 24,
  /**
   * As many uses wait as may.
   */
  LTLM_QUEUE_FULL = 25,
  /**
   * It is not known whether the server acted. Tried again under the same operation id; an event tells.
   */
  LTLM_OUTCOME_UNKNOWN = 26,
  /**
   * The server knows another key of this device: the vendor has to remove the device first.
   */
  LTLM_DEVICE_KEY_LOST = 27,
  /**
   * Nothing can be written.
   */
  LTLM_STORAGE = 30,
  /**
   * The state was another machine's.
   */
  LTLM_MOVED = 31,
  /**
   * The text is no offline file of this project.
   */
  LTLM_FILE_INVALID = 40,
  /**
   * The offline file has ended.
   */
  LTLM_FILE_EXPIRED = 41,
  /**
   * The offline file is for other devices.
   */
  LTLM_FILE_OTHER_DEVICE = 42,
  /**
   * A mistake of this library.
   */
  LTLM_INTERNAL = 99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ltlm_code ltlm_code;
#else
typedef int32_t ltlm_code;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The state of a license, as `ltlm_status` tells it.
 */
enum ltlm_status_code
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * There is no license.
   */
  LTLM_STATUS_UNAUTHENTICATED = 0,
  /**
   * Usable, with a seat where seats are managed.
   */
  LTLM_STATUS_ACTIVE = 1,
  /**
   * Valid, but no seat is free, or the seat was given back.
   */
  LTLM_STATUS_VALID_NO_SEAT = 2,
  /**
   * The license has ended.
   */
  LTLM_STATUS_EXPIRED = 3,
  /**
   * Usable: it has ended, and the vendor's period of grace runs.
   */
  LTLM_STATUS_GRACE_PERIOD = 4,
  /**
   * The server has to be reached first.
   */
  LTLM_STATUS_CONNECTION_REQUIRED = 5,
  /**
   * Not told by this library, which sets aside what was tampered with; the first client has it.
   */
  LTLM_STATUS_TAMPERED = 6,
  /**
   * Suspended by the vendor; that can be undone.
   */
  LTLM_STATUS_SUSPENDED = 7,
  /**
   * Revoked.
   */
  LTLM_STATUS_REVOKED = 8,
  /**
   * Terminated.
   */
  LTLM_STATUS_TERMINATED = 9,
  /**
   * Another device or an administrator took the seat or the device away.
   */
  LTLM_STATUS_KICKED = 10,
  /**
   * A status of a later version: not usable.
   */
  LTLM_STATUS_OTHER = 99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ltlm_status_code ltlm_status_code;
#else
typedef int32_t ltlm_status_code;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why the status is what it is, as `ltlm_status` tells it.
 */
enum ltlm_reason_code
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * The server said so.
   */
  LTLM_REASON_SERVER = 0,
  /**
   * A clock did: the end has come, or the wall clock was set back.
   */
  LTLM_REASON_CLOCK = 1,
  /**
   * There was no verified answer for longer than the vendor allows.
   */
  LTLM_REASON_OFFLINE = 2,
  /**
   * The state in the data folder is another machine's, and was set aside.
   */
  LTLM_REASON_MOVED = 3,
  /**
   * There was no verified answer yet.
   */
  LTLM_REASON_NO_ANSWER_YET = 4,
  /**
   * The server refused; `ltlm_snapshot` tells the code.
   */
  LTLM_REASON_REFUSED = 5,
  /**
   * A reason of a later version.
   */
  LTLM_REASON_OTHER = 99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ltlm_reason_code ltlm_reason_code;
#else
typedef int32_t ltlm_reason_code;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A client. Zero is none.
 */
typedef uint64_t ltlm_client;

/**
 * A function that is told of events: `user` is what was given with it, `event_json` is `len` bytes of UTF-8 and a NUL, and is gone when the
 * function returns.
 */
typedef void (*ltlm_event_fn)(void *user, const char *event_json, size_t len);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Makes a client by its configuration, a JSON object: `baseUrl`, `projectId`, `projectSecret` and `publicKeys` are needed; see
 * docs/clients/c.md for the others. Nothing is sent yet. Free it with `ltlm_client_free`.
 *
 * Thread-safe.
 */
int32_t ltlm_client_new(const char *config_json,
                        ltlm_client *out);

/**
 * Closes a client: gives the seat back if no other process of this device uses it, for two seconds at most, and ends the client's thread.
 * Calls that other threads are in end with `LTLM_CLOSED` or as they would have. The function of `ltlm_on_event` is called no more when this
 * returns, unless this was called from within it: then not after it returned. A number that was freed is `LTLM_BAD_HANDLE`.
 *
 * Thread-safe. Do not call it while holding a lock that the function of `ltlm_on_event` waits for.
 */
int32_t ltlm_client_free(ltlm_client client);

/**
 * Uses the license that is kept. Where it holds without an answer this returns at once, and it is checked in the background. Writes what
 * `ltlm_snapshot` does.
 *
 * Thread-safe.
 */
int32_t ltlm_load_stored(ltlm_client client,
                         int32_t timeout_ms,
                         char **out_json);

/**
 * Registers this device on a license, takes a seat and keeps the license. Writes what `ltlm_snapshot` does.
 *
 * Thread-safe.
 */
int32_t ltlm_activate(ltlm_client client, const char *key, int32_t timeout_ms, char **out_json);

/**
 * The same as `ltlm_activate`, under the name that the first client has beside it.
 *
 * Thread-safe.
 */
int32_t ltlm_validate(ltlm_client client, const char *key, int32_t timeout_ms, char **out_json);

/**
 * Takes the text of an offline file (`.ltlm`), `len` bytes of UTF-8. Nothing is sent, now or later. Writes what `ltlm_snapshot` does.
 *
 * Thread-safe.
 */
int32_t ltlm_import_file(ltlm_client client,
                         const char *text,
                         size_t len,
                         int32_t timeout_ms,
                         char **out_json);

/**
 * Gives the seat back, and beats no more until `ltlm_reactivate`. Needs the server.
 *
 * Thread-safe.
 */
int32_t ltlm_sign_out(ltlm_client client, int32_t timeout_ms, char **out_json);

/**
 * Takes a seat again, after a sign-out or when it was taken away. Writes what `ltlm_snapshot` does.
 *
 * Thread-safe.
 */
int32_t ltlm_reactivate(ltlm_client client, int32_t timeout_ms, char **out_json);

/**
 * Forgets the license. Uses that wait to be charged are kept.
 *
 * Thread-safe; does not wait for the network.
 */
int32_t ltlm_clear(ltlm_client client);

/**
 * Tells the status as one of `ltlm_status_code`, and why as one of `ltlm_reason_code`. Either pointer may be null.
 *
 * Thread-safe; does not wait for the network.
 */
int32_t ltlm_status(ltlm_client client,
                    int32_t *status,
                    int32_t *reason);

/**
 * Writes all that an application may want to show: `status`, `reason`, `license`, `balance`, `pending`, `isWaitingForSeat`, `offlineHoursLeft`,
 * `daysLeft`, `hwid`.
 *
 * Thread-safe; does not wait for the network.
 */
int32_t ltlm_snapshot(ltlm_client client,
                      char **out_json);

/**
 * Tells the tokens left, uses that wait already taken off.
 *
 * Thread-safe; does not wait for the network.
 */
int32_t ltlm_balance(ltlm_client client, int64_t *out);

/**
 * Tells whether the license is usable, the capability on (unless it is null) and the balance at least `tokens`.
 *
 * Thread-safe; does not wait for the network.
 */
int32_t ltlm_entitled(ltlm_client client,
                      const char *capability,
                      int64_t tokens,
                      bool *out);

/**
 * Uses tokens, 1 to 1,000,000,000. Decided at once by what is known, recorded before it returns, and charged once, when the server can be
 * reached. `meta_json` is null or a JSON object of at most 4 KiB. Writes `operationId` and `balance`. On any other code than `LTLM_OK` nothing
 * was used.
 *
 * Thread-safe; does not wait for the network.
 */
int32_t ltlm_consume(ltlm_client client,
                     int32_t amount,
                     const char *action,
                     const char *meta_json,
                     char **out_json);

/**
 * Uses tokens if the server agrees. `operation_id` is null, or 1 to 128 visible ASCII characters: the same one is charged once, however often it
 * is sent. Writes `operationId`, `balance` and `operation`, the ledger's entry. `LTLM_OUTCOME_UNKNOWN` means that no answer came: it is sent
 * again in the background, and the event `operation_done` tells. On any other failure nothing was charged.
 *
 * Thread-safe.
 */
int32_t ltlm_consume_confirmed(ltlm_client client,
                               int32_t amount,
                               const char *action,
                               const char *meta_json,
                               const char *operation_id,
                               int32_t timeout_ms,
                               char **out_json);

/**
 * Tells how many uses wait to be charged.
 *
 * Thread-safe; does not wait for the network.
 */
int32_t ltlm_pending(ltlm_client client, uint64_t *out);

/**
 * Charges what waits, now. Writes `charged` and `skipped`.
 *
 * Thread-safe.
 */
int32_t ltlm_sync(ltlm_client client, int32_t timeout_ms, char **out_json);

/**
 * Writes who holds a seat.
 *
 * Thread-safe.
 */
int32_t ltlm_seats(ltlm_client client, int32_t timeout_ms, char **out_json);

/**
 * Takes a seat away from a device, and takes it if `claim`.
 *
 * Thread-safe.
 */
int32_t ltlm_release_seat(ltlm_client client,
                          const char *hwid,
                          bool claim,
                          int32_t timeout_ms,
                          char **out_json);

/**
 * Writes the user settings as the server has them.
 *
 * Thread-safe.
 */
int32_t ltlm_settings_get(ltlm_client client, int32_t timeout_ms, char **out_json);

/**
 * Replaces the user settings by a JSON object of at most 65,536 UTF-16 units. The last writer wins. Writes them as they are kept.
 *
 * Thread-safe.
 */
int32_t ltlm_settings_save(ltlm_client client,
                           const char *json,
                           int32_t timeout_ms,
                           char **out_json);

/**
 * Begins a call of any method, named as in Rust (docs/clients/c.md lists them), with its arguments in a JSON object or null. It runs in a thread
 * of the library's for at most the configured time; at most 64 run at once. Its result is an event: `{"event":"call_done","request":…,
 * "code":0,"result":…,"error":null}`.
 *
 * Thread-safe; does not wait for the network.
 */
int32_t ltlm_call(ltlm_client client,
                  const char *method,
                  const char *args_json,
                  uint64_t *request);

/**
 * Makes a call of any method, as `ltlm_call` does, and waits. Writes its result.
 *
 * Thread-safe.
 */
int32_t ltlm_call_wait(ltlm_client client,
                       const char *method,
                       const char *args_json,
                       int32_t timeout_ms,
                       char **out_json);

/**
 * Waits no longer for a call that `ltlm_call` began: its result is `LTLM_CANCELLED`. What is on its way to the server goes on.
 *
 * Thread-safe.
 */
int32_t ltlm_cancel(ltlm_client client,
                    uint64_t request);

/**
 * Writes the next event, waiting for at most so many milliseconds, without an end if they are below zero. Where none comes, null is written and
 * the code is `LTLM_OK`; `LTLM_CLOSED` when the client is freed meanwhile. 1,024 events are kept; beyond that the newest status and seats
 * stand for older ones, and results of calls stay.
 *
 * Thread-safe; of several threads each event goes to one.
 */
int32_t ltlm_next_event(ltlm_client client,
                        int32_t timeout_ms,
                        char **out_json);

/**
 * Calls this function at every event, in place of the one before; null ends that. It is called for one event at a time, with no lock held,
 * from a thread that is in a call or from a thread of the library's, and may call any function, `ltlm_client_free` too. What happened
 * before is not repeated, and while there is a function events are not kept for `ltlm_next_event`. When this returns the function before
 * is called no more, unless this was called from within it. `user` is handed to the function as it is.
 *
 * Thread-safe. Do not call it while holding a lock that the function before waits for.
 */
int32_t ltlm_on_event(ltlm_client client,
                      ltlm_event_fn function,
                      void *user);

/**
 * Says that the application goes to the background (nothing is sent by itself then) or is in front again (a beat goes out at once).
 *
 * Thread-safe; does not wait for the network.
 */
int32_t ltlm_pause(ltlm_client client,
                   bool paused);

/**
 * The latest failure of this thread: `{"code":21,"name":"REFUSED","serverCode":"DEVICE_LIMIT_REACHED","message":…,"details":…,
 * "retryAfterSeconds":…}`; null if there was none. A success does not change it. Free it with `ltlm_string_free`.
 *
 * Thread-safe.
 */
char *ltlm_last_error(void);

/**
 * Frees a text that this library wrote. Null is nothing to free. Any other pointer, or one that was freed, must not be given.
 *
 * Thread-safe.
 */
void ltlm_string_free(char *text);

/**
 * The library's version, such as `0.1.0`. Not to be freed.
 *
 * Thread-safe.
 */
const char *ltlm_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* LTLM_H */

// LTLM for applications in C++17: a header over ltlm.h.
//
// Data are JSON in `std::string`: read it with the library that the application has. Calls that fail throw `ltlm::Error`. A
// `Client` may be used from any thread, but for its destruction and its being moved.
#ifndef LTLM_HPP
#define LTLM_HPP

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "ltlm.h"

namespace ltlm {

/// A text as a JSON string.
inline std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      quoted += '\\';
      quoted += letter;
    } else if (byte < 0x20) {
      const char *digits = "0123456789abcdef";
      quoted += "\\u00";
      quoted += digits[byte >> 4];
      quoted += digits[byte & 15];
    } else {
      quoted += letter;
    }
  }
  return quoted + '"';
}

/// A call that failed.
class Error : public std::runtime_error {
public:
  Error(int32_t code, std::string json) : std::runtime_error(json), code_(code) {}

  /// One of `ltlm_code`.
  int32_t code() const noexcept { return code_; }
  /// All that is known of it, as of `ltlm_last_error`: `name`, `serverCode`, `message`, `details`, `retryAfterSeconds`.
  const char *json() const noexcept { return what(); }

private:
  int32_t code_;
};

namespace detail {

struct Free {
  void operator()(char *text) const noexcept { ltlm_string_free(text); }
};
using Text = std::unique_ptr<char, Free>;

inline void check(int32_t code) {
  if (code != LTLM_OK) {
    const Text told(ltlm_last_error());
    throw Error(code, told ? told.get() : "{}");
  }
}

/// Calls a function that writes a text.
template <typename Call> std::string text(Call &&call) {
  char *written = nullptr;
  const int32_t code = call(&written);
  const Text owned(written);
  check(code);
  return owned ? owned.get() : "";
}

inline const char *or_null(const std::optional<std::string> &text) { return text ? text->c_str() : nullptr; }

} // namespace detail

/// A client. It is closed when it goes.
class Client {
public:
  using Timeout = std::chrono::milliseconds;
  /// Told of each event, as JSON. It must not throw.
  using Listener = std::function<void(std::string_view)>;

  /// By a configuration, a JSON object; docs/clients/c.md lists its members.
  explicit Client(const std::string &config_json) { detail::check(ltlm_client_new(config_json.c_str(), &handle_)); }
  Client(const Client &) = delete;
  Client &operator=(const Client &) = delete;
  Client(Client &&other) noexcept
      : handle_(std::exchange(other.handle_, 0)), listener_(std::move(other.listener_)) {}
  Client &operator=(Client &&other) noexcept {
    if (this != &other) {
      close();
      handle_ = std::exchange(other.handle_, 0);
      listener_ = std::move(other.listener_);
    }
    return *this;
  }
  ~Client() { close(); }

  /// The number that the functions of ltlm.h take.
  ltlm_client handle() const noexcept { return handle_; }

  /// Closes the client before its destruction. Calls fail then.
  void close() noexcept {
    if (handle_ != 0) {
      ltlm_client_free(std::exchange(handle_, 0));
    }
  }

  std::string load_stored(Timeout timeout = {}) { return waits(ltlm_load_stored, timeout); }
  std::string activate(const std::string &key, Timeout timeout = {}) {
    return detail::text([&](char **out) { return ltlm_activate(handle_, key.c_str(), ms(timeout), out); });
  }
  std::string validate(const std::string &key, Timeout timeout = {}) {
    return detail::text([&](char **out) { return ltlm_validate(handle_, key.c_str(), ms(timeout), out); });
  }
  std::string import_file(std::string_view text, Timeout timeout = {}) {
    return detail::text(
        [&](char **out) { return ltlm_import_file(handle_, text.data(), text.size(), ms(timeout), out); });
  }
  void sign_out(Timeout timeout = {}) { waits(ltlm_sign_out, timeout); }
  std::string reactivate(Timeout timeout = {}) { return waits(ltlm_reactivate, timeout); }
  void clear() { detail::check(ltlm_clear(handle_)); }

  /// One of `ltlm_status_code`.
  int32_t status() const {
    int32_t status = 0;
    detail::check(ltlm_status(handle_, &status, nullptr));
    return status;
  }
  /// One of `ltlm_reason_code`.
  int32_t reason() const {
    int32_t reason = 0;
    detail::check(ltlm_status(handle_, nullptr, &reason));
    return reason;
  }
  bool is_usable() const {
    const int32_t now = status();
    return now == LTLM_STATUS_ACTIVE || now == LTLM_STATUS_GRACE_PERIOD;
  }
  std::string snapshot() const {
    return detail::text([&](char **out) { return ltlm_snapshot(handle_, out); });
  }
  int64_t balance() const {
    int64_t balance = 0;
    detail::check(ltlm_balance(handle_, &balance));
    return balance;
  }
  uint64_t pending() const {
    uint64_t pending = 0;
    detail::check(ltlm_pending(handle_, &pending));
    return pending;
  }
  bool entitled(const std::optional<std::string> &capability = {}, int64_t tokens = 0) const {
    bool entitled = false;
    detail::check(ltlm_entitled(handle_, detail::or_null(capability), tokens, &entitled));
    return entitled;
  }

  std::string consume(int32_t amount, const std::string &action, const std::optional<std::string> &meta_json = {}) {
    return detail::text([&](char **out) {
      return ltlm_consume(handle_, amount, action.c_str(), detail::or_null(meta_json), out);
    });
  }
  std::string consume_confirmed(int32_t amount, const std::string &action,
                                const std::optional<std::string> &meta_json = {},
                                const std::optional<std::string> &operation_id = {}, Timeout timeout = {}) {
    return detail::text([&](char **out) {
      return ltlm_consume_confirmed(handle_, amount, action.c_str(), detail::or_null(meta_json),
                                    detail::or_null(operation_id), ms(timeout), out);
    });
  }
  std::string sync(Timeout timeout = {}) { return waits(ltlm_sync, timeout); }

  std::string seats(Timeout timeout = {}) { return waits(ltlm_seats, timeout); }
  std::string release_seat(const std::string &hwid, bool claim, Timeout timeout = {}) {
    return detail::text(
        [&](char **out) { return ltlm_release_seat(handle_, hwid.c_str(), claim, ms(timeout), out); });
  }
  std::string settings(Timeout timeout = {}) { return waits(ltlm_settings_get, timeout); }
  std::string save_settings(const std::string &json, Timeout timeout = {}) {
    return detail::text([&](char **out) { return ltlm_settings_save(handle_, json.c_str(), ms(timeout), out); });
  }

  /// Any method by its name, with its arguments in a JSON object.
  std::string call(const std::string &method, const std::optional<std::string> &arguments = {}, Timeout timeout = {}) {
    return detail::text([&](char **out) {
      return ltlm_call_wait(handle_, method.c_str(), detail::or_null(arguments), ms(timeout), out);
    });
  }

  /// The next event as JSON, or none in that time.
  std::optional<std::string> next_event(Timeout timeout) {
    std::string event = detail::text(
        [&](char **out) { return ltlm_next_event(handle_, static_cast<int32_t>(timeout.count()), out); });
    return event.empty() ? std::nullopt : std::optional<std::string>(std::move(event));
  }

  /// Replaces who is told of events; none if it is empty. Not from within the listener.
  void on_event(Listener listener) {
    auto next = listener ? std::make_unique<Listener>(std::move(listener)) : nullptr;
    detail::check(ltlm_on_event(handle_, next ? &Client::tell : nullptr, next.get()));
    listener_ = std::move(next);
  }

  void pause() { detail::check(ltlm_pause(handle_, true)); }
  void resume() { detail::check(ltlm_pause(handle_, false)); }

private:
  static void tell(void *user, const char *event_json, size_t len) noexcept {
    (*static_cast<Listener *>(user))(std::string_view(event_json, len));
  }
  static int32_t ms(Timeout timeout) { return static_cast<int32_t>(timeout.count()); }
  std::string waits(int32_t (*function)(ltlm_client, int32_t, char **), Timeout timeout) {
    return detail::text([&](char **out) { return function(handle_, ms(timeout), out); });
  }

  ltlm_client handle_ = 0;
  std::unique_ptr<Listener> listener_;
};

} // namespace ltlm

#endif // LTLM_HPP

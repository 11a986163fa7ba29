// A small application: activates, uses tokens, and goes on while the server is stopped.
//
//     desk CONFIG.json LICENSE-KEY
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <thread>

#include <ltlm.hpp>

static void wait_for_enter(const char *what) {
  std::cout << what << ", and press Enter." << std::endl;
  std::string line;
  std::getline(std::cin, line);
}

static void show(const ltlm::Client &client, const char *when) {
  std::cout << when << ": status " << client.status() << ", " << client.balance() << " tokens, " << client.pending()
            << " uses wait" << std::endl;
}

static void run(const std::string &config, const std::string &key) {
  ltlm::Client client(config);
  client.on_event([](std::string_view event) { std::cout << "  * " << event << std::endl; });
  try {
    client.load_stored();
  } catch (const ltlm::Error &error) {
    if (error.code() != LTLM_NO_LICENSE) {
      throw;
    }
    client.activate(key);
  }
  std::cout << "entitled: " << (client.entitled("pro", 3) ? "yes" : "no") << std::endl;
  client.consume(3, "export", R"({"format":"pdf"})");
  client.sync();
  show(client, "online");

  wait_for_enter("Stop the server");
  client.consume(2, "export");
  show(client, "offline");

  wait_for_enter("Start the server");
  for (int tries = 0; client.pending() > 0 && tries < 600; tries++) {
    try {
      client.sync();
    } catch (const ltlm::Error &) { // Until it can be reached.
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  show(client, "again");
}

int main(int count, char **words) {
  if (count != 3) {
    std::cerr << "desk CONFIG.json LICENSE-KEY" << std::endl;
    return 2;
  }
  std::ifstream file(words[1], std::ios::binary);
  const std::string config{std::istreambuf_iterator<char>(file), {}};
  try {
    run(config, words[2]);
  } catch (const ltlm::Error &error) {
    std::cerr << error.json() << std::endl;
    return 1;
  }
}

// Each state writes a file per round, which may be written again: after a restart, or when a lost worker's rounds are repeated.
#include <rondo/rondo.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace fs = std::filesystem;

class Count : public rondo::Update<int, int, std::string, std::string> {
 public:
  std::string update(int& state, const int& input, const Call& call) override {
    state += input;
    // named by what is the same wherever and whenever it runs
    const std::string name = std::to_string(value(call.id())) + "-" + std::to_string(call.round()) + ".txt";
    const fs::path file = fs::path(call.context()) / name;
    const fs::path draft = file.string() + ".draft";
    if (!(std::ofstream(draft) << state << std::endl))
      throw std::runtime_error("cannot write " + draft.string());
    fs::rename(draft, file);  // whole or not at all
    return name;
  }
};

int main(int argc, char** argv) {
  return rondo::run<Count>(argc, argv, [](rondo::Master<Count>& master) {
    const fs::path folder = fs::absolute("files_written");  // on a file system that all nodes see
    fs::create_directories(folder);
    master.share(folder.string());
    master.reset(std::vector<int>{10, 20, 30});
    int sum = 0, found = 0;
    for (int round = 0; round < 4; ++round) {
      for (const std::string& name : master.update(1)) {
        int number = 0;
        if (std::ifstream(folder / name) >> number) sum += number, ++found;
      }
    }
    std::cout << found << " files, with " << sum << " in all\n";
    fs::remove_all(folder);
  });
}

// The journey as a program, to be interrupted:
//   journey --steps=N --result=FILE [--states=N] [--words=N] [--delay=MICROSECONDS] [--log=FILE]
//           [--kill=STEP:SIGNAL] [--hold=FILE] [--pause=STEP] [--swallow=goes-on|returns|throws] [--save=DIR]
//
// Each state begins with as many more words. Writes its digest to --result when it has done all steps. Appends a line to
// --log as each step begins ("step 3"), when it resumes ("resumed at 3") and when it starts afresh ("started"). At STEP rank 0 sends itself SIGNAL. With --hold every
// update waits as long as FILE exists; at the first STEP of --pause rank 0 makes it. With --swallow it catches whatever a safe
// point throws, and goes on, returns from main, or throws an error of its own. With --save it waits for a checkpoint in DIR
// after each step.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "journey.hpp"

namespace {

std::string hold;

class Held : public rondo::test::Walker {
 public:
  rondo::test::Output update(rondo::test::State& state, const rondo::test::Input& input,
                             const Call& call) override {
    while (!hold.empty() && std::filesystem::exists(hold))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return Walker::update(state, input, call);
  }
};

// The last one counts.
std::string option(int argc, char** argv, std::string_view name, std::string value) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(name) && argument.substr(name.size()).starts_with("="))
      value = argument.substr(name.size() + 1);
  }
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace rondo::test;
  const std::uint64_t steps = std::stoull(option(argc, argv, "--steps", "12"));
  const std::uint64_t states = std::stoull(option(argc, argv, "--states", "60"));
  const std::uint64_t words = std::stoull(option(argc, argv, "--words", "0"));
  const auto delay = static_cast<std::uint32_t>(std::stoul(option(argc, argv, "--delay", "0")));
  const auto between = static_cast<std::uint32_t>(std::stoul(option(argc, argv, "--between", "0")));
  const std::string result = option(argc, argv, "--result", ""), log_file = option(argc, argv, "--log", "");
  const std::string kill_at = option(argc, argv, "--kill", "");
  const std::string pause = option(argc, argv, "--pause", "");
  const std::string save = option(argc, argv, "--save", "");
  const std::string swallow = option(argc, argv, "--swallow", "");
  hold = option(argc, argv, "--hold", "");
  return rondo::run<Walker>(
      argc, argv, [] { return std::make_unique<Held>(); },
      [&](rondo::Master<Walker>& master) {
        std::ofstream log(log_file.empty() ? "/dev/null" : log_file, std::ios::app);
        Progress progress;
        if (master.resume(progress)) {
          log << "resumed at " << progress.step << std::endl;
        } else {
          log << "started" << std::endl;
          std::vector<State> first = Journey::start(states);
          for (State& state : first) state.words.resize(state.words.size() + words, 7);
          master.reset(std::move(first));
        }
        Journey journey(master, progress, delay);
        for (; progress.step < steps; ++progress.step) {
          try {
            master.safe_point(progress);
          } catch (...) {
            if (swallow.empty()) throw;
            if (swallow == "returns") return;
            if (swallow == "throws") throw std::runtime_error("main cannot go on");
          }
          if (const auto colon = kill_at.find(':'); colon != std::string::npos)
            if (std::stoull(kill_at.substr(0, colon)) == progress.step)
              (void)raise(std::stoi(kill_at.substr(colon + 1)));
          if (pause == std::to_string(progress.step) && !std::filesystem::exists(hold + ".was")) {
            std::ofstream(hold + ".was");
            std::ofstream{hold};
          }
          usleep(between);
          log << "step " << progress.step << std::endl;
          journey.step();
          if (!save.empty()) master.checkpoint(save, progress);
        }
        const std::uint64_t digest = journey.finish();
        log << "done" << std::endl;
        if (!result.empty()) std::ofstream(result) << std::hex << digest << '\n';
      });
}

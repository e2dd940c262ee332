// A counter that the workers of one machine share, threads or ranks: a word of a file that all of them map.
//
// Lets an update wait until other updates have been done, so that a test proves an order without a clock.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

namespace rondo::test {

class SharedCounter {
 public:
  // A new one, zero; its file goes with it.
  SharedCounter() : path_("/tmp/rondo-test-XXXXXX"), mine_(true) {
    const int file = mkstemp(path_.data());
    if (file < 0 || ftruncate(file, sizeof(Word)) != 0) throw std::runtime_error("cannot make " + path_);
    map(file);
  }
  // One that somebody else has made.
  explicit SharedCounter(const std::string& path) : path_(path) { map(open(path.c_str(), O_RDWR)); }
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;
  ~SharedCounter() {
    munmap(word_, sizeof(Word));
    if (mine_) unlink(path_.c_str());
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  void add() { ++*word_; }
  [[nodiscard]] std::uint64_t get() const { return *word_; }
  // False if it does not get there in half a minute: then it never will.
  [[nodiscard]] bool reaches(std::uint64_t count) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (get() < count) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

 private:
  using Word = std::atomic<std::uint64_t>;

  void map(int file) {
    if (file < 0) throw std::runtime_error("cannot open " + path_);
    void* memory = mmap(nullptr, sizeof(Word), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory == MAP_FAILED) throw std::runtime_error("cannot map " + path_);
    word_ = static_cast<Word*>(memory);  // zeros are a counter of zero
  }

  std::string path_;
  bool mine_ = false;
  Word* word_ = nullptr;
};

}  // namespace rondo::test

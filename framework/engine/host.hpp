// What a rank has from outside besides its transport.
#pragma once

#include "checkpoint/storage.hpp"

namespace rondo::engine {

struct Host {
  checkpoint::Storage& storage;
  // Ends all ranks of the run at once, with this status.
  void (*abort)(int status);
};

}  // namespace rondo::engine

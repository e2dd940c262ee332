// The parts of the archives that do not depend on the user's types, and the words of their errors.
#include <rondo/detail/archive.hpp>

#include <cstring>
#include <string>

#include <boost/archive/detail/archive_serializer_map.hpp>
#include <boost/archive/impl/archive_serializer_map.ipp>
#include <boost/core/demangle.hpp>
#include <boost/serialization/config.hpp>

#include <rondo/serialization.hpp>

namespace boost::archive::detail {
// where Boost looks up the exported classes of each archive
template class archive_serializer_map<rondo::detail::OutputArchive>;
template class archive_serializer_map<rondo::detail::InputArchive>;
}  // namespace boost::archive::detail

namespace rondo::detail {

OutputArchive::OutputArchive(Counter& counter) : Base(boost::archive::no_header), counter_(&counter) {}
OutputArchive::OutputArchive(Writer& writer)
    : Base(boost::archive::no_header), writer_(&writer), recorder_(writer.recorder()) {}
OutputArchive::~OutputArchive() = default;
InputArchive::InputArchive(Reader& reader)
    : Base(boost::archive::no_header), reader_(reader), checker_(reader.checker()) {}
InputArchive::~InputArchive() = default;

OutputArchive& Counter::open() { return *(archive_ = new OutputArchive(*this)); }
void Counter::close() { delete archive_; }
OutputArchive& Writer::open() { return *(archive_ = new OutputArchive(*this)); }
void Writer::close() { delete archive_; }
InputArchive& Reader::open() { return *(archive_ = new InputArchive(*this)); }
void Reader::close() { delete archive_; }
void Reader::has_moved(const void* to, const void* from) { archive().reset_object_address(to, from); }

const Item& item_of_block() {
  static const Item item{2, Make::leaf, typeid(std::byte).name(), "[]"};
  return item;
}

namespace {
struct Token {
  std::uint32_t value;
  std::uint32_t check;  // of this and all tokens before
};
}  // namespace

void OutputArchive::save_token(std::uint32_t token) {
  check_ = check_of(token, check_);
  const Token written{token, check_};
  save_block(&written, sizeof written);
}

std::uint32_t InputArchive::load_token() {
  Token read;
  reader_.block(&read, sizeof read);
  check_ = check_of(read.value, check_);
  if (check_ != read.check) reader_.damaged("a class or object id");
  return read.value;
}

void OutputArchive::save_name(const char* name) {
  const std::size_t size = std::strlen(name);
  save_token(static_cast<std::uint32_t>(size));
  save_block(name, size);
  for (std::size_t i = 0; i < size; ++i) check_ = check_of(static_cast<unsigned char>(name[i]), check_);
  save_token(0);  // Boost looks the name up at once, so its check stands right behind it
}

void InputArchive::load_name(char* name) {
  const auto size = static_cast<std::size_t>(load_token());
  if (size >= BOOST_SERIALIZATION_MAX_KEY_SIZE) reader_.damaged("the name of a class");
  reader_.block(name, size);
  name[size] = '\0';
  for (std::size_t i = 0; i < size; ++i) check_ = check_of(static_cast<unsigned char>(name[i]), check_);
  load_token();
}

Shared OutputArchive::number_of(const void* object, const std::type_info& type) {
  if (object == nullptr) return {0, false};
  const auto [place, is_new] =
      shared_.try_emplace({object, type}, static_cast<std::uint32_t>(shared_.size()) + 1);
  return {place->second, is_new};
}

bool InputArchive::is_new(std::uint32_t number) {
  if (number <= known_.size()) return false;
  if (number != known_.size() + 1) reader_.damaged("the number of a shared object");
  known_.emplace_back();
  return true;
}

void InputArchive::remember(std::uint32_t number, std::shared_ptr<void> object, const std::type_info& type) {
  known_[number - 1] = {std::move(object), &type};
}

const std::shared_ptr<void>& InputArchive::shared(std::uint32_t number, const std::type_info& type) {
  const Known& known = known_[number - 1];
  if (known.type == nullptr || *known.type != type) reader_.damaged("the number of a shared object");
  return known.object;
}

void copy_by_detour(void* to, const void* from, std::size_t size) {
  // through memory in the first cache, half a page off, so that neither leg is slow
  constexpr std::size_t kRoom = 2 * kPage;
  alignas(kAlignment) std::byte memory[kRoom + kPage];
  const auto distance =
      reinterpret_cast<std::uintptr_t>(from) + kPage / 2 - reinterpret_cast<std::uintptr_t>(memory);
  std::byte* room = memory + distance % kPage;
  auto* target = static_cast<std::byte*>(to);
  auto* source = static_cast<const std::byte*>(from);
  while (size != 0) {
    const std::size_t part = size < kRoom ? size : kRoom;
    std::memcpy(room, source, part);
    asm volatile("" : : "r"(room) : "memory");  // or the compiler may merge the two legs
    std::memcpy(target, room, part);
    target += part;
    source += part;
    size -= part;
  }
}

// --- Words.

void fail_short(std::size_t at, std::size_t wanted, std::size_t size) {
  throw SerializationError("unpack: expected " + std::to_string(wanted) + " bytes at byte " +
                           std::to_string(at) + " of " + std::to_string(size) + ", got " +
                           std::to_string(size - at));
}
void fail_length(std::size_t at, std::uint64_t count, std::size_t smallest, std::size_t size) {
  throw SerializationError("unpack: expected " + std::to_string(count) + " elements of at least " +
                           std::to_string(smallest) + " bytes at byte " + std::to_string(at) + " of " +
                           std::to_string(size) + ", got " + std::to_string(size - at) + " bytes");
}
void fail_long(std::size_t used, std::size_t size) {
  throw SerializationError("unpack: expected " + std::to_string(used) + " bytes, got " +
                           std::to_string(size));
}
void fail_damaged(std::size_t at, const char* what, std::size_t size) {
  throw SerializationError("unpack: " + std::string(what) + " that cannot be, before byte " +
                           std::to_string(at) + " of " + std::to_string(size));
}
void fail_recount(std::size_t counted) {
  throw SerializationError(
      "pack: counted " + std::to_string(counted) +
      " bytes, but a second pass wrote another number; a serialize() has to write the same twice");
}
void rethrow(const std::type_info& type, const char* doing) {
  try {
    throw;
  } catch (const boost::archive::archive_exception& error) {
    throw SerializationError(std::string(doing) + " " + boost::core::demangle(type.name()) + ": " +
                             error.what());
  }
}

}  // namespace rondo::detail

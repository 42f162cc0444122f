#include "tp/process_comm.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.hpp"
#include "tp/cpu_ops.hpp"
#include "tp/shard.hpp"

namespace dsk::tp {
namespace {

class ProcessComm final : public dsk_backend_comm {
public:
  ProcessComm(std::shared_ptr<Rendezvous> rendezvous, std::uint64_t piece)
      : meeting_(std::move(rendezvous)), piece_(piece),
        pieces_(meeting_->rank() == 0 ? static_cast<std::size_t>(piece) * meeting_->world() : 0) {}

  void all_reduce(const dsk_backend_collective* calls, std::uint32_t count) override {
    const dsk_backend_collective& call = only(calls, count);
    for_pieces(call, [&](const std::byte* in, std::byte* out, std::uint64_t, std::uint64_t bytes) {
      const std::uint32_t tag = sequence_++;
      if (meeting_->rank() != 0) {
        meeting_->send(0, tag, in, bytes);
        meeting_->receive(0, tag, out, bytes);
        return;
      }
      std::memcpy(pieces_.data(), in, bytes);
      for (std::uint32_t r = 1; r < meeting_->world(); ++r)
        meeting_->receive(r, tag, pieces_.data() + r * bytes, bytes);
      cpu_sum_ranks(call.dtype, meeting_->world(), bytes * 8 / bits_of(call.dtype), pieces_.data(),
                    out);
      for (std::uint32_t r = 1; r < meeting_->world(); ++r)
        meeting_->send(r, tag, out, bytes);
    });
  }

  void all_gather(const dsk_backend_collective* calls, std::uint32_t count) override {
    const dsk_backend_collective& call = only(calls, count);
    for_pieces(call,
               [&](const std::byte* in, std::byte* out, std::uint64_t whole, std::uint64_t bytes) {
                 const std::uint32_t tag = sequence_++;
                 const std::uint32_t world = meeting_->world();
                 if (meeting_->rank() != 0) {
                   meeting_->send(0, tag, in, bytes);
                   for (std::uint32_t r = 0; r < world; ++r)
                     meeting_->receive(0, tag, out + r * whole, bytes);
                   return;
                 }
                 std::memcpy(pieces_.data(), in, bytes);
                 for (std::uint32_t r = 1; r < world; ++r)
                   meeting_->receive(r, tag, pieces_.data() + r * bytes, bytes);
                 for (std::uint32_t to = 1; to < world; ++to)
                   for (std::uint32_t r = 0; r < world; ++r)
                     meeting_->send(to, tag, pieces_.data() + r * bytes, bytes);
                 for (std::uint32_t r = 0; r < world; ++r)
                   std::memcpy(out + r * whole, pieces_.data() + r * bytes, bytes);
               });
  }

  void abort() noexcept override { meeting_->abort(); }
  void poll() override { meeting_->poll(); }
  std::int32_t lost_rank() const override { return meeting_->lost_rank(); }
  const char* transport() const override { return meeting_->world() == 1 ? "none" : "tcp"; }

private:
  static const dsk_backend_collective& only(const dsk_backend_collective* calls,
                                            std::uint32_t count) {
    if (count != 1)
      throw Error(DSK_STATUS_INVALID_ARGUMENT,
                  "a rank of a communicator of several processes is driven alone");
    return calls[0];
  }

  template <class Body> void for_pieces(const dsk_backend_collective& call, Body body) {
    const std::uint64_t whole = call.count * bits_of(call.dtype) / 8;
    for (std::uint64_t from = 0; from < whole; from += piece_)
      body(static_cast<const std::byte*>(call.in) + from, static_cast<std::byte*>(call.out) + from,
           whole, std::min(piece_, whole - from));
  }

  std::shared_ptr<Rendezvous> meeting_;
  std::uint64_t piece_;
  std::vector<std::byte> pieces_; // rank 0: one piece of every rank
  std::uint32_t sequence_ = 1;
};

} // namespace

std::unique_ptr<dsk_backend_comm> make_process_comm(std::shared_ptr<Rendezvous> rendezvous,
                                                    std::uint64_t max_bytes) {
  const std::uint64_t piece = std::clamp<std::uint64_t>(max_bytes, 4096, 1u << 20) / 16 * 16;
  return std::make_unique<ProcessComm>(std::move(rendezvous), piece);
}

} // namespace dsk::tp

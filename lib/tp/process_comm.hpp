// A CPU communicator of several processes over the rendezvous sockets: rank 0 adds up and sends the
// sum back. It is for correctness where there are no devices; nothing here is fast.
#pragma once

#include <memory>

#include "tp/communicator.hpp"
#include "tp/rendezvous.hpp"

namespace dsk::tp {

std::unique_ptr<dsk_backend_comm> make_process_comm(std::shared_ptr<Rendezvous> rendezvous,
                                                    std::uint64_t max_bytes);

} // namespace dsk::tp

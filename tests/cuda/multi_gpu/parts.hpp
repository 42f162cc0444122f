// The parts of a run. Each writes its lines and returns when it is done or its time is up.
#pragma once

#include "options.hpp"

namespace multi {

/// What the machine is, who reaches whom, and what a copy between two devices carries.
void topology(const Options& options);
/// Column, row and MLP plans against the unsharded result of the CPU; ranks in one process.
void check(const Options& options);
/// The same with one process for each rank.
void check_processes(const Options& options);
/// All-reduce from 16 bytes to 512 MiB, own and rival, in graphs and call by call.
void all_reduce(const Options& options);
/// Small m: all-reduce with residual and norm, one row-linear, a whole chain of layers.
void decode(const Options& options);
/// Large m: products and collectives one after the other and beside each other.
void prefill(const Options& options);
/// Graph replays with random delays on the hosts.
void replays(const Options& options);
/// A rank that stops calling, a process that is killed, and a new communicator after it.
void loss(const Options& options);

/// What a process of one rank does for the part that started it; true if there is such a part.
bool run_rank(const Options& options, const std::string& part);

/// The two bodies behind run_rank.
void check_rank(const Options& options);
void loss_rank(const Options& options);

} // namespace multi

// A plan: one split layer with its weight on the device and every choice made. It runs in three
// stages, work of the rank alone, one collective, work of the rank alone, so that one thread can
// drive several ranks stage by stage.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tp/comm.hpp"
#include "tp/shard.hpp"
#include "tp/tuning.hpp"

namespace dsk::tp {

/// A product with its weight.
class Product {
public:
  Product() = default;
  Product(const std::shared_ptr<Device>& device, const Shard& shard, dsk_dtype activation,
          dsk_dtype output, std::uint64_t max_m, std::uint32_t flags, Tuning* tuning);
  Product(Product&& other) noexcept;
  Product& operator=(Product&& other) noexcept;
  ~Product();

  void enqueue(std::uint64_t m, const void* x, void* y, void* workspace, void* stream) const;
  std::uint64_t n() const { return n_; }
  std::uint64_t k() const { return k_; }
  std::uint64_t weight_bytes() const;
  std::uint64_t workspace_bytes() const { return workspace_bytes_; }
  bool measured() const { return measured_; }
  double measure_ms() const { return measure_ms_; }

private:
  std::shared_ptr<Device> device_;
  Memory data_, scales_, scale_rows_, bias_;
  dsk_backend_gemm* handle_ = nullptr;
  std::uint64_t n_ = 0, k_ = 0, workspace_bytes_ = 0;
  bool measured_ = false;
  double measure_ms_ = 0.0;
};

enum class Collective { none, reduce, gather };

class Plan {
public:
  static std::shared_ptr<Plan> linear(std::shared_ptr<Comm> comm, const dsk_tp_linear_desc& desc,
                                      Tuning* tuning);
  static std::shared_ptr<Plan> mlp(std::shared_ptr<Comm> comm, const dsk_tp_mlp_desc& desc,
                                   Tuning* tuning);

  const std::shared_ptr<Comm>& comm() const { return comm_; }
  dsk_tp_plan_info info() const;

  /// Throws INVALID_ARGUMENT that names the argument.
  void check(const dsk_tp_args& args, void* stream) const;
  /// The three stages. m > 0.
  void before(const dsk_tp_args& args, void* stream) const;
  Collective collective() const { return collective_; }
  /// The reduction runs as an all-gather whose parts are added in rank order.
  bool sums_gathered() const { return gather_and_sum_; }
  dsk_backend_collective collective_call(const dsk_tp_args& args, void* stream) const;
  void after(const dsk_tp_args& args, void* stream) const;
  /// What every rank's part of one call must agree on, as text for messages.
  std::string signature(const dsk_tp_args& args) const;

private:
  explicit Plan(std::shared_ptr<Comm> comm) : comm_(std::move(comm)) {}
  void set_epilogue(std::uint32_t flags, const void* gamma, float eps, std::uint64_t n,
                    const std::byte* bias);
  void choose_reduce(bool reduced, std::uint32_t flags);
  void lay_out();
  std::byte* at(const dsk_tp_args& args, std::uint64_t offset) const;
  void* product_output(const dsk_tp_args& args) const;
  std::uint64_t row_bytes(std::uint64_t columns, dsk_dtype dtype) const {
    return columns * bits_of(dtype) / 8;
  }

  std::shared_ptr<Comm> comm_;
  dsk_dtype dtype_ = DSK_DTYPE_NONE;
  std::uint64_t max_m_ = 0;
  std::vector<Product> products_; // one, or gate_up and down
  dsk_backend_activation activation_ = DSK_BACKEND_SILU;
  Collective collective_ = Collective::none;
  bool gather_and_sum_ = false; // the reduction as an all-gather and a sum in rank order
  dsk_dtype product_dtype_ = DSK_DTYPE_NONE; // of the last product's output
  std::uint64_t input_columns_ = 0, output_columns_ = 0, n_offset_ = 0, k_offset_ = 0;
  std::vector<std::uint64_t> column_offsets_; // gather: of every rank in y
  std::uint64_t widest_ = 0;

  bool epilogue_ = false, residual_ = false;
  dsk_backend_epilogue_desc epilogue_desc_{};
  Memory bias_, gamma_;

  // Offsets into the workspace.
  std::uint64_t gate_up_at_ = 0, h_at_ = 0, partial_at_ = 0, gathered_at_ = 0, product_at_ = 0,
                workspace_bytes_ = 0;
  double create_ms_ = 0.0;
};

} // namespace dsk::tp

// safetensors files, good and broken, and tables of choices.
#include "tp/layer.hpp"

#include <unistd.h>

#include <cstdio>
#include <fstream>

using namespace layer;

namespace {

struct File {
  std::string path;
  explicit File(const std::string& bytes) {
    char name[] = "/tmp/dsk-weights-XXXXXX";
    const int fd = mkstemp(name);
    REQUIRE(fd >= 0);
    close(fd);
    path = name;
    std::ofstream(path, std::ios::binary) << bytes;
  }
  ~File() { std::remove(path.c_str()); }
};

std::string with_header(const std::string& header, const std::string& data) {
  std::string out(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(out.data(), &length, 8);
  return out + header + data;
}

Owned<dsk_tp_weights> open_file(const std::string& path) {
  dsk_tp_weights* weights = nullptr;
  dsk_error* error = nullptr;
  ok(dsk_tp_weights_create(path.data(), path.size(), &weights, &error), error);
  return Owned<dsk_tp_weights>(weights);
}

void refuse_file(const std::string& bytes, const std::string& text,
                 const std::string& pointer = "") {
  const File file(bytes);
  dsk_tp_weights* weights = nullptr;
  dsk_error* error = nullptr;
  const dsk_status status =
      dsk_tp_weights_create(file.path.data(), file.path.size(), &weights, &error);
  CHECK(weights == nullptr);
  INFO(std::string(dsk_error_message(error)));
  if (!pointer.empty()) CHECK(std::string(dsk_error_path(error)) == pointer);
  refused(status, error, DSK_STATUS_INVALID_REQUEST, text);
}

} // namespace

TEST_CASE(
    "a file gives the weights of a plan, whose result is that of the same weights in memory") {
  Rng rng(31);
  constexpr std::size_t n = 256, k = 256, m = 2;
  const Weight fp8(rng, DSK_DTYPE_F8E4M3, DSK_DTYPE_BF16, n, k, true),
      int4(rng, DSK_DTYPE_I4, DSK_DTYPE_BF16, n, k, false);
  std::string data;
  std::string header = "{\"__metadata__\":{\"format\":\"pt\"}";
  const auto add = [&](const std::string& name, const std::string& type, const std::string& shape,
                       const Bytes& bytes) {
    header += ",\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape +
              ",\"data_offsets\":[" + std::to_string(data.size()) + "," +
              std::to_string(data.size() + bytes.size()) + "]}";
    data.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  add("a.down_proj.weight", "F8_E4M3", "[256,256]", fp8.data);
  add("a.down_proj.weight_scale_inv", "F32", "[2,2]", fp8.scales);
  add("a.down_proj.bias", "BF16", "[256]", fp8.bias);
  add("b.weight_packed", "I32", "[256,32]", int4.data);
  add("b.weight_scale", "F32", "[256,2]", int4.scales);
  header += "}";
  header += std::string(3, ' '); // the data begin at an odd place: nothing may rely on alignment
  const File file(with_header(header, data));
  const auto weights = open_file(file.path);
  CHECK(dsk_tp_weights_count(weights.get()) == 5);
  CHECK(std::string(dsk_tp_weights_get_name(weights.get(), 0)) == "a.down_proj.weight");
  CHECK(dsk_tp_weights_get_name(weights.get(), 5) == nullptr);

  World world(1);
  const Buffer x(random_tensor(rng, DSK_DTYPE_BF16, m * k));
  for (const bool first : {true, false}) {
    dsk_tp_weight from_file{};
    from_file.struct_size = sizeof from_file;
    dsk_error* error = nullptr;
    const std::string prefix = first ? "a.down_proj" : "b";
    ok(dsk_tp_weights_get(weights.get(), prefix.data(), prefix.size(), &from_file, &error), error);
    CHECK(from_file.n == n);
    CHECK(from_file.k == k);
    std::vector<Buffer> ys;
    for (const dsk_tp_weight& weight : {from_file, first ? fp8.describe() : int4.describe()}) {
      dsk_tp_linear_desc desc{};
      desc.struct_size = sizeof desc;
      desc.activation_dtype = DSK_DTYPE_BF16;
      desc.max_m = m;
      desc.weights = &weight;
      desc.weight_count = 1;
      dsk_tp_linear* raw = nullptr;
      ok(dsk_tp_linear_create(world.raw[0], &desc, &raw, &error), error);
      const Owned<dsk_tp_linear> plan(raw);
      dsk_tp_plan_info info{};
      info.struct_size = sizeof info;
      ok(dsk_tp_linear_get_info(raw, &info, &error), error);
      ys.emplace_back(m * n * 2);
      Buffer space(info.workspace_bytes);
      const dsk_tp_args args = arguments(m, x, ys.back(), space);
      ok(dsk_tp_linear_enqueue(raw, &args, nullptr, &error), error);
    }
    CHECK(std::memcmp(ys[0].get(), ys[1].get(), ys[0].bytes()) == 0);
  }
  dsk_tp_weight none{};
  none.struct_size = sizeof none;
  dsk_error* error = nullptr;
  refused(dsk_tp_weights_get(weights.get(), "c", 1, &none, &error), error, DSK_STATUS_NOT_FOUND,
          "c.weight");
  // A mapped file that is larger than what is read of it stays readable to the last byte only
  // inside: cut it.
  for (std::size_t length = 0; length < 8 + header.size() + data.size(); length += 1 + length / 7)
    refuse_file(with_header(header, data).substr(0, length), "");
}

TEST_CASE("broken files are refused with the tensor's name") {
  const std::string good = R"({"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}})";
  const std::string data(16, '\0');
  open_file(File(with_header(good, data)).path);
  refuse_file("", "too short");
  refuse_file(std::string("\xff\xff\xff\xff\xff\xff\xff\x7f", 8) + "{}", "header");
  refuse_file(with_header("{", data), "");
  refuse_file(with_header("[]", data), "object");
  refuse_file(with_header(good, data.substr(0, 15)), "cut or broken", "/w");
  refuse_file(with_header(R"({"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,16]}})", data),
              "takes 24 bytes", "/w");
  refuse_file(with_header(R"({"w":{"dtype":"F33","shape":[2,2],"data_offsets":[0,16]}})", data),
              "F33", "/w");
  refuse_file(with_header(R"({"w":{"dtype":"F32","shape":[2,-2],"data_offsets":[0,16]}})", data),
              "-2", "/w");
  refuse_file(with_header(R"({"w":{"dtype":"F32","shape":[2,2],"data_offsets":[8,0]}})", data),
              "not inside", "/w");
  refuse_file(
      with_header(R"({"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]}})",
                  data),
      "too large", "/w");
  refuse_file(with_header(R"({"w":{"dtype":"F32","shape":[2,2]}})", data), "data_offsets", "/w");
  refuse_file(
      with_header(
          R"({"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[3],"data_offsets":[4,16]}})",
          data),
      "overlaps v", "/w");
  refuse_file(
      with_header(
          R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})",
          data),
      "");
  dsk_tp_weights* weights = nullptr;
  dsk_error* error = nullptr;
  refused(dsk_tp_weights_create("/nonexistent", 12, &weights, &error), error, DSK_STATUS_IO,
          "/nonexistent");
  refused(dsk_tp_weights_create("/", 1, &weights, &error), error, DSK_STATUS_INVALID_REQUEST,
          "regular file");
}

TEST_CASE("a weight in a file with a shape or type that no plan takes") {
  const auto refuse_get = [](const std::string& entries, std::size_t bytes, dsk_status status,
                             const std::string& text) {
    const File file(with_header("{" + entries + "}", std::string(bytes, '\0')));
    const auto weights = open_file(file.path);
    dsk_tp_weight out{};
    out.struct_size = sizeof out;
    dsk_error* error = nullptr;
    refused(dsk_tp_weights_get(weights.get(), "w", 1, &out, &error), error, status, text);
  };
  refuse_get(R"("w.weight":{"dtype":"F32","shape":[4],"data_offsets":[0,16]})", 16,
             DSK_STATUS_UNSUPPORTED, "two dimensions");
  refuse_get(R"("w.weight":{"dtype":"F64","shape":[1,2],"data_offsets":[0,16]})", 16,
             DSK_STATUS_UNSUPPORTED, "F64");
  refuse_get(R"("w.weight":{"dtype":"I8","shape":[4,4],"data_offsets":[0,16]})", 16,
             DSK_STATUS_NOT_FOUND, "weight_scale");
  refuse_get(
      R"("w.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"w.bias":{"dtype":"F32","shape":[1],"data_offsets":[8,12]})",
      12, DSK_STATUS_INVALID_REQUEST, "bias");
}

TEST_CASE("tables of choices survive a round trip and refuse what is none") {
  dsk_tp_tuning* raw = nullptr;
  dsk_error* error = nullptr;
  const std::string text = R"({"schema":1,"choices":{"device a; n 1":"x 1 2","device b":"y"}})";
  ok(dsk_tp_tuning_create(text.data(), text.size(), &raw, &error), error);
  Owned<dsk_tp_tuning> tuning(raw);
  CHECK(dsk_tp_tuning_count(raw) == 2);
  char* out = nullptr;
  std::size_t len = 0;
  ok(dsk_tp_tuning_to_json(raw, &out, &len, &error), error);
  dsk_tp_tuning* again = nullptr;
  ok(dsk_tp_tuning_create(out, len, &again, &error), error);
  Owned<dsk_tp_tuning> second(again);
  CHECK(dsk_tp_tuning_count(again) == 2);
  dsk_free(out);
  const auto refuse = [&](const std::string& bad, const char* path) {
    dsk_tp_tuning* none = nullptr;
    const dsk_status status = dsk_tp_tuning_create(bad.data(), bad.size(), &none, &error);
    CHECK(std::string(dsk_error_path(error)) == path);
    refused(status, error, DSK_STATUS_INVALID_REQUEST, "");
  };
  refuse("{}", "/schema");
  refuse(R"({"schema":2,"choices":{}})", "/schema");
  refuse(R"({"schema":1,"choices":[]})", "/choices");
  refuse(R"({"schema":1,"choices":{"a":1}})", "/choices/a");
  refuse(R"({"schema":1,"choices":{},"more":1})", "/more");
}

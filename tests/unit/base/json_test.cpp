#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/reader.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"

using dsk::Json;

namespace {

dsk::Error failure(std::string_view text) {
  try {
    dsk::json::parse(text, "request");
  } catch (const dsk::Error& e) {
    return e;
  }
  return dsk::Error(DSK_STATUS_OK, "parsed");
}

} // namespace

TEST_CASE("a document reads back as it was written") {
  const Json value =
      dsk::json::parse(R"({"b":1,"a":[1.5,true,null,"\u00e9 😀"],"big":9223372036854775807})", "x");
  CHECK(dsk::json::dump_compact(value) ==
        R"({"b":1,"a":[1.5,true,null,"é 😀"],"big":9223372036854775807})");
  CHECK(dsk::json::parse(dsk::json::dump(value), "x") == value);
}

TEST_CASE("what nlohmann would let pass is refused, with the place") {
  CHECK(failure(R"({"a":{"b":1,"b":2}})").path() == "/a/b");
  CHECK(std::string(failure(R"({"a":1,"a":2})").what()).find("duplicate member \"a\"") !=
        std::string::npos);
  CHECK(failure(R"([0,1,{"k":1e999}])").path() == "/2/k");
  CHECK(failure(R"({"n":18446744073709551616})").path() == "/n");
  CHECK(std::string(failure("").what()).find("ends too early") != std::string::npos);
  CHECK(std::string(failure("{\"a\":\n  NaN}").what()).find("line 2, column 3") !=
        std::string::npos);
  CHECK(failure("{\"a\":{\"b\": NaN}}").path() == "/a/b");
  CHECK(failure("{\"a\":\"\xff\"}").status() == DSK_STATUS_INVALID_REQUEST);
  CHECK(failure("{} {}").status() == DSK_STATUS_INVALID_REQUEST);
  CHECK(failure(std::string(64, '[') + std::string(64, ']')).status() == DSK_STATUS_OK);
  CHECK(std::string(failure(std::string(1000, '[')).what()).find("deeper than 64") !=
        std::string::npos);
  CHECK(std::string(failure(std::string(dsk::json::max_bytes + 1, ' ')).what())
            .find("at most 16777216") != std::string::npos);
}

TEST_CASE("a truncated document is one error wherever it is cut") {
  const std::string whole = R"({"a":[1,2,{"b":"text"}],"c":-1.5e3,"d":true})";
  for (std::size_t cut = 0; cut < whole.size(); ++cut)
    CHECK(failure(whole.substr(0, cut)).status() == DSK_STATUS_INVALID_REQUEST);
}

TEST_CASE("pointers escape ~ and /") {
  CHECK(dsk::json::pointer("/x", "a/b~c") == "/x/a~1b~0c");
}

TEST_CASE("the reader names the field, the value and what is allowed") {
  const Json value = dsk::json::parse(R"({"n":-3,"t":"","x-note":1,"mode":"fast","extra":0})", "x");
  dsk::Reader reader(value, "/w");
  try {
    reader.integer("n", 1, 10);
    FAIL("accepted -3");
  } catch (const dsk::Error& e) {
    CHECK(e.path() == "/w/n");
    CHECK(std::string(e.what()) == "n is -3, must be a whole number from 1 to 10");
  }
  CHECK_THROWS_WITH(reader.text("t"), "t is \"\", must be text of 1 to 256 bytes");
  CHECK_THROWS_WITH(reader.choice("mode", {"slow", "safe"}),
                    "mode is \"fast\", must be slow or safe");
  CHECK_THROWS_WITH(reader.number("absent", 0, 1), "absent is missing");
  CHECK_THROWS_WITH(reader.done(), doctest::Contains("extra is not a known member"));
}

TEST_CASE("whole numbers are read exactly or not at all") {
  const auto read = [](const char* text) {
    return dsk::integer_of(dsk::json::parse(text, "x"), "/v",
                           std::numeric_limits<std::int64_t>::min(),
                           std::numeric_limits<std::int64_t>::max());
  };
  CHECK(read("2048.0") == 2048);
  CHECK(read("1e3") == 1000);
  CHECK(read("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
  CHECK_THROWS_AS(read("9223372036854775808"), dsk::Error);
  CHECK_THROWS_AS(read("1.5"), dsk::Error);
  CHECK_THROWS_AS(read("1e300"), dsk::Error);
}

TEST_CASE("rounding goes through the decimal digits") {
  CHECK(dsk::json::significant(0.1234567, 3) == 0.123);
  CHECK(dsk::json::significant(123456789.0, 4) == 123500000.0);
  CHECK(dsk::json::significant(0.0, 4) == 0.0);
}

TEST_CASE("names fold and near ones are found") {
  CHECK(dsk::folded_name("H100-SXM_80 GB") == "h100sxm80gb");
  CHECK(dsk::nearest_names("deepsek-r1", {"llama", "deepseek-r1", "qwen"}, 1).front() ==
        "deepseek-r1");
  CHECK(dsk::preview_text("aé", 2) == "a...");
}

TEST_CASE("SHA-256 of the FIPS 180-4 examples") {
  CHECK(dsk::sha256_hex("abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(dsk::sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(dsk::sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

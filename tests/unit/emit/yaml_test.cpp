#include <doctest/doctest.h>

#include "emit/yaml.hpp"
#include "golden.hpp"

using dsk::Json;
using dsk::emit::yaml;

TEST_CASE("YAML keeps the order, nests blocks and quotes every string") {
  const Json value = Json::parse(
      R"({"b":{"x":1,"y":[1.5,true,null,"no"]},"a":[],"c":{},"d":[[1,2],{"k":"v","l":[{}]}]})");
  CHECK(yaml(value) == "b:\n"
                       "  x: 1\n"
                       "  \"y\":\n"
                       "    - 1.5\n"
                       "    - true\n"
                       "    - null\n"
                       "    - \"no\"\n"
                       "a: []\n"
                       "c: {}\n"
                       "d:\n"
                       "  - - 1\n"
                       "    - 2\n"
                       "  - k: \"v\"\n"
                       "    l:\n"
                       "      - {}\n");
  CHECK(yaml("text") == "\"text\"\n");
  CHECK(yaml(Json::object()) == "{}\n");
}

TEST_CASE("keys that YAML could misread are quoted, Kubernetes' own stand bare") {
  CHECK(yaml(Json{{"nvidia.com/gpu", 1}}) == "nvidia.com/gpu: 1\n");
  for (const char* key :
       {"no", "Yes", "NULL", "y", "1.10", "a b", "", "-", "a:", "0x1", "\u00e9"}) {
    Json object = Json::object();
    object[key] = 1;
    CHECK(yaml(object)[0] == '"');
  }
}

TEST_CASE("characters outside YAML's printable set are escaped, the rest is not") {
  CHECK(yaml("a\"b\\c\n\t\r\x01\x7f") == "\"a\\\"b\\\\c\\n\\t\\x0d\\x01\\x7f\"\n");
  CHECK(yaml("\u0085\u00a0\u2028\u2029\ufeff\uffff") ==
        "\"\\x85\u00a0\\u2028\\u2029\\ufeff\\uffff\"\n");
  CHECK(yaml("\u4e2d \U0001f600") == "\"\u4e2d \U0001f600\"\n");
}

// tests/k8s parses yaml_strings.yaml with Kubernetes' own reader and compares it with
// yaml_strings.json.
TEST_CASE("strings for the Kubernetes reader") {
  Json list = Json::array();
  for (int c = 0; c < 0x180; ++c) {
    std::string text = "x";
    if (c < 0x80) {
      text += static_cast<char>(c);
    } else {
      text += static_cast<char>(0xc0 | (c >> 6));
      text += static_cast<char>(0x80 | (c & 0x3f));
    }
    list.push_back(text + " ");
  }
  for (const char* text : {"",
                           " ",
                           "no",
                           "~",
                           "null",
                           "true",
                           "1.10",
                           "0o7",
                           "0x1f",
                           "1e3",
                           ".inf",
                           ".nan",
                           "12:30:45",
                           "2024-01-01",
                           "- a",
                           "a: b",
                           "# no comment",
                           "'",
                           "&a",
                           "*a",
                           "!t",
                           "|",
                           ">",
                           "%",
                           "@",
                           "`",
                           "{}",
                           "[]",
                           "\u2028\u2029\ufeff\ufffe\uffff",
                           "\u4e2d\u6587 \U0001f600",
                           "line\nline\n"})
    list.push_back(text);
  Json numbers = {0, -1, 9007199254740993, 1.5, 1e-7, 1e300, -0.25};
  const Json document = {
      {"strings", list}, {"numbers", numbers}, {"nested", {{"no", {{"y", list}}}}}};
  check_golden("yaml_strings.yaml", yaml(document));
  check_golden("yaml_strings.json", dsk::json::dump(document));
}

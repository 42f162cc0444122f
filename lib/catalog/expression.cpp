#include "catalog/expression.hpp"

#include <cstddef>

namespace dsk {
namespace {

// What is left to match once a part has matched: a stack of frames, so that no closure is
// allocated.
struct Next {
  std::string_view expression; // continue with this ...
  const Next* then;            // ... and then with these
};

class Matcher {
public:
  explicit Matcher(std::string_view text) : text_(text) {}

  bool match(std::string_view expression, std::size_t at, const Next* then) {
    if (++steps_ > 20000) return false;
    if (has_alternative(expression)) return alternatives(expression, at, then);
    if (expression.empty()) return !then || match(then->expression, at, then->then);
    if (expression[0] == '^') return at == 0 && match(expression.substr(1), at, then);
    if (expression[0] == '$') return at == text_.size() && match(expression.substr(1), at, then);
    const std::size_t length = atom_length(expression);
    if (length == 0) return false;
    const std::string_view atom = expression.substr(0, length);
    const char quantifier = length < expression.size() ? expression[length] : '\0';
    if (quantifier == '*' || quantifier == '+' || quantifier == '?') {
      const std::string_view rest = expression.substr(length + 1);
      return repeat(atom, quantifier, rest, at, then);
    }
    return one(atom, at, Next{expression.substr(length), then});
  }

private:
  // One atom at `at`, then `next`.
  bool one(std::string_view atom, std::size_t at, const Next& next) {
    if (atom[0] == '(') {
      std::string_view inside = atom.substr(1, atom.size() - 2);
      if (inside.substr(0, 2) == "?:") inside.remove_prefix(2);
      return match(inside, at, &next);
    }
    return at < text_.size() && accepts(atom, text_[at]) &&
           match(next.expression, at + 1, next.then);
  }

  bool repeat(std::string_view atom, char quantifier, std::string_view rest, std::size_t at,
              const Next* then) {
    if (atom[0] != '(') { // single characters: greedy count, then give back
      std::size_t most = 0;
      while (at + most < text_.size() && accepts(atom, text_[at + most]) &&
             (quantifier != '?' || most < 1))
        ++most;
      const std::size_t least = quantifier == '+' ? 1 : 0;
      for (std::size_t n = most + 1; n-- > least;)
        if (match(rest, at + n, then)) return true;
      return false;
    }
    if (quantifier == '?') return one(atom, at, Next{rest, then}) || match(rest, at, then);
    // A group: one more round with a star behind it, or (for the star) none.
    if (++depth_ > 64) return false;
    const Next after{rest, then};
    bool matched = false;
    if (quantifier == '+') {
      matched = one(atom, at, after) || repeat_group(atom, at, after);
    } else {
      matched = repeat_group(atom, at, after) || match(rest, at, then);
    }
    --depth_;
    return matched;
  }
  // Two or more rounds are tried by unrolling: checkpoints' lists need no more than a few.
  bool repeat_group(std::string_view atom, std::size_t at, const Next& after) {
    const Next second{atom, &after};
    const Next third{atom, &second};
    return one(atom, at, Next{{}, &third}) || one(atom, at, Next{{}, &second}) ||
           one(atom, at, after);
  }

  bool alternatives(std::string_view expression, std::size_t at, const Next* then) {
    std::size_t begin = 0;
    int depth = 0;
    for (std::size_t i = 0; i <= expression.size(); ++i) {
      const char c = i < expression.size() ? expression[i] : '|';
      if (c == '\\') {
        ++i;
      } else if (c == '(') {
        ++depth;
      } else if (c == ')') {
        --depth;
      } else if (c == '|' && depth == 0) {
        if (match(expression.substr(begin, i - begin), at, then)) return true;
        begin = i + 1;
      }
    }
    return false;
  }
  static bool has_alternative(std::string_view expression) {
    int depth = 0;
    for (std::size_t i = 0; i < expression.size(); ++i) {
      const char c = expression[i];
      if (c == '\\')
        ++i;
      else if (c == '(')
        ++depth;
      else if (c == ')')
        --depth;
      else if (c == '|' && depth == 0)
        return true;
    }
    return false;
  }

  // Characters of the first atom; 0 when it is malformed.
  static std::size_t atom_length(std::string_view expression) {
    const char c = expression[0];
    if (c == '\\') return expression.size() > 1 ? 2 : 0;
    if (c == '[') {
      const auto end = expression.find(']', 2);
      return end == std::string_view::npos ? 0 : end + 1;
    }
    if (c == '(') {
      int depth = 0;
      for (std::size_t i = 0; i < expression.size(); ++i) {
        if (expression[i] == '\\')
          ++i;
        else if (expression[i] == '(')
          ++depth;
        else if (expression[i] == ')' && --depth == 0)
          return i + 1;
      }
      return 0;
    }
    return c == '*' || c == '+' || c == '?' || c == ')' ? 0 : 1;
  }

  static bool accepts(std::string_view atom, char c) {
    if (atom[0] == '\\') {
      const bool digit = c >= '0' && c <= '9';
      if (atom[1] == 'd') return digit;
      if (atom[1] == 'w')
        return digit || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      return c == atom[1];
    }
    if (atom[0] != '[') return atom[0] == '.' || atom[0] == c;
    bool inside = false;
    const bool negated = atom[1] == '^';
    for (std::size_t i = negated ? 2 : 1; i + 1 < atom.size(); ++i) {
      if (i + 3 < atom.size() && atom[i + 1] == '-') {
        inside = inside || (c >= atom[i] && c <= atom[i + 2]);
        i += 2;
      } else {
        inside = inside || c == atom[i];
      }
    }
    return inside != negated;
  }

  std::string_view text_;
  int steps_ = 0;
  int depth_ = 0;
};

} // namespace

bool expression_matches(std::string_view expression, std::string_view text) {
  return Matcher(text).match(expression, 0, nullptr);
}

} // namespace dsk

package ai.dsk;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;

/** Reads RFC 8259 JSON, strictly: what the library would refuse is refused here too. */
final class JsonReader {
  private static final int DEEPEST = 256;

  private final String text;
  private int at;
  private int depth;

  JsonReader(String text) {
    this.text = text;
  }

  JsonValue document() {
    JsonValue value = value();
    space();
    if (at < text.length()) {
      throw wrong("nothing after the document");
    }
    return value;
  }

  private DskException wrong(String expected) {
    return new DskException(Status.INVALID_REQUEST, "not JSON at character " + at + ": expected " + expected, "", "ai.dsk");
  }

  private void space() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private boolean take(char c) {
    space();
    if (at < text.length() && text.charAt(at) == c) {
      at++;
      return true;
    }
    return false;
  }

  private JsonValue value() {
    space();
    if (at >= text.length()) {
      throw wrong("a value");
    }
    if (depth++ == DEEPEST) {
      throw wrong("at most " + DEEPEST + " levels");
    }
    JsonValue value = switch (text.charAt(at)) {
      case '{' -> object();
      case '[' -> list();
      case '"' -> JsonValue.of(string());
      case 't' -> word("true", JsonValue.of(true));
      case 'f' -> word("false", JsonValue.of(false));
      case 'n' -> word("null", JsonValue.NULL);
      default -> number();
    };
    depth--;
    return value;
  }

  private JsonValue word(String word, JsonValue value) {
    if (!text.startsWith(word, at)) {
      throw wrong("a value");
    }
    at += word.length();
    return value;
  }

  private JsonValue object() {
    Map<String, JsonValue> members = new LinkedHashMap<>();
    at++;
    if (take('}')) {
      return JsonValue.of(members);
    }
    do {
      space();
      if (at >= text.length() || text.charAt(at) != '"') {
        throw wrong("a member's name");
      }
      String name = string();
      if (!take(':')) {
        throw wrong("':'");
      }
      if (members.put(name, value()) != null) {
        throw wrong("each member once, \"" + name + "\" is there twice");
      }
    } while (take(','));
    if (!take('}')) {
      throw wrong("',' or '}'");
    }
    return JsonValue.of(members);
  }

  private JsonValue list() {
    ArrayList<JsonValue> items = new ArrayList<>();
    at++;
    if (take(']')) {
      return JsonValue.list(items);
    }
    do {
      items.add(value());
    } while (take(','));
    if (!take(']')) {
      throw wrong("',' or ']'");
    }
    return JsonValue.list(items);
  }

  private String string() {
    StringBuilder out = new StringBuilder();
    at++;
    for (; ; ) {
      if (at >= text.length() || text.charAt(at) < 0x20) {
        throw wrong("the end of a text");
      }
      char c = text.charAt(at++);
      if (c == '"') {
        return out.toString();
      }
      out.append(c == '\\' ? escape() : c);
    }
  }

  private char escape() {
    int kind = at < text.length() ? "\"\\/bfnrtu".indexOf(text.charAt(at)) : -1;
    if (kind < 0) {
      throw wrong("an escape");
    }
    at++;
    if (kind < 8) {
      return "\"\\/\b\f\n\r\t".charAt(kind);
    }
    int code = 0;
    for (int end = at + 4; at < end; at++) {
      int digit = at < text.length() ? "0123456789abcdef".indexOf(Character.toLowerCase(text.charAt(at))) : -1;
      if (digit < 0) {
        throw wrong("four hexadecimal digits");
      }
      code = 16 * code + digit;
    }
    return (char) code;
  }

  private void digits() {
    int from = at;
    while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
      at++;
    }
    if (at == from) {
      throw wrong("a digit");
    }
  }

  private boolean next(String any) {
    if (at < text.length() && any.indexOf(text.charAt(at)) >= 0) {
      at++;
      return true;
    }
    return false;
  }

  private JsonValue number() {
    int from = at;
    next("-");
    if (!next("0")) {
      digits();
    }
    if (next(".")) {
      digits();
    }
    if (next("eE")) {
      next("+-");
      digits();
    }
    return JsonValue.number(text.substring(from, at));
  }
}

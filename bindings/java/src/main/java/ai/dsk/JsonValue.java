package ai.dsk;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A JSON value, for the parts of documents that have no record. It does not change, keeps the order of members, and keeps
 * numbers as they were written.
 */
public final class JsonValue {
  /** What a value is. */
  public enum Kind {
    /** null. */
    NULL,
    /** true or false. */
    BOOLEAN,
    /** A number. */
    NUMBER,
    /** A text. */
    TEXT,
    /** A list. */
    LIST,
    /** An object. */
    OBJECT
  }

  static final JsonValue NULL = new JsonValue(Kind.NULL, null);

  private final Kind kind;
  private final Object value; // Boolean, String (NUMBER: as written), List, Map

  private JsonValue(Kind kind, Object value) {
    this.kind = kind;
    this.value = value;
  }

  /**
   * Reads a document.
   *
   * @param text the document
   * @return its value
   * @throws DskException INVALID_REQUEST when the text is not JSON
   */
  public static JsonValue parse(String text) {
    return new JsonReader(text).document();
  }

  /**
   * A text.
   *
   * @param text the text; null gives JSON's null
   * @return the value
   */
  public static JsonValue of(String text) {
    return text == null ? NULL : new JsonValue(Kind.TEXT, text);
  }

  /**
   * A number.
   *
   * @param number the number, which must be finite
   * @return the value
   * @throws DskException INVALID_REQUEST for what JSON cannot say
   */
  public static JsonValue of(double number) {
    if (!Double.isFinite(number)) {
      throw new DskException(Status.INVALID_REQUEST, "must be a finite number, is " + number, "", "ai.dsk");
    }
    return new JsonValue(Kind.NUMBER, Double.toString(number));
  }

  /**
   * A whole number.
   *
   * @param number the number
   * @return the value
   */
  public static JsonValue of(long number) {
    return new JsonValue(Kind.NUMBER, Long.toString(number));
  }

  /**
   * True or false.
   *
   * @param truth the truth
   * @return the value
   */
  public static JsonValue of(boolean truth) {
    return new JsonValue(Kind.BOOLEAN, truth);
  }

  /**
   * A list.
   *
   * @param items the items
   * @return the value
   */
  public static JsonValue of(List<JsonValue> items) {
    return new JsonValue(Kind.LIST, List.copyOf(items));
  }

  /**
   * An object.
   *
   * @param members the members, in the order in which they are written
   * @return the value
   */
  public static JsonValue of(Map<String, JsonValue> members) {
    return new JsonValue(Kind.OBJECT, Collections.unmodifiableMap(new LinkedHashMap<>(members)));
  }

  static JsonValue number(String asWritten) {
    return new JsonValue(Kind.NUMBER, asWritten);
  }

  /**
   * What it is.
   *
   * @return the kind
   */
  public Kind kind() {
    return kind;
  }

  /**
   * Whether it is null.
   *
   * @return whether it is
   */
  public boolean isNull() {
    return kind == Kind.NULL;
  }

  private Object need(Kind wanted) {
    if (kind != wanted) {
      throw new IllegalStateException("a JSON " + kind.name().toLowerCase(java.util.Locale.ROOT) + ", not a " + wanted.name().toLowerCase(java.util.Locale.ROOT));
    }
    return value;
  }

  /**
   * A text.
   *
   * @return the text
   * @throws IllegalStateException when it is something else
   */
  public String text() {
    return (String) need(Kind.TEXT);
  }

  /**
   * A number.
   *
   * @return the number
   * @throws IllegalStateException when it is something else
   */
  public double number() {
    return Double.parseDouble((String) need(Kind.NUMBER));
  }

  /**
   * A whole number.
   *
   * @return the number
   * @throws IllegalStateException when it is something else, or no whole number of 64 bits
   */
  public long integer() {
    try {
      return new java.math.BigDecimal((String) need(Kind.NUMBER)).longValueExact();
    } catch (ArithmeticException e) {
      throw new IllegalStateException(value + " is no whole number of 64 bits", e);
    }
  }

  /**
   * True or false.
   *
   * @return the truth
   * @throws IllegalStateException when it is something else
   */
  public boolean truth() {
    return (Boolean) need(Kind.BOOLEAN);
  }

  /**
   * The items of a list.
   *
   * @return the items
   * @throws IllegalStateException when it is something else
   */
  @SuppressWarnings("unchecked")
  public List<JsonValue> items() {
    return (List<JsonValue>) need(Kind.LIST);
  }

  /**
   * The names of an object's members.
   *
   * @return the names, in order
   * @throws IllegalStateException when it is something else
   */
  public Set<String> names() {
    return members().keySet();
  }

  @SuppressWarnings("unchecked")
  Map<String, JsonValue> members() {
    return (Map<String, JsonValue>) need(Kind.OBJECT);
  }

  /**
   * A member of an object.
   *
   * @param name its name
   * @return the member, or a null value when there is none
   * @throws IllegalStateException when it is no object
   */
  public JsonValue get(String name) {
    return members().getOrDefault(name, NULL);
  }

  /**
   * The value at a JSON pointer (RFC 6901).
   *
   * @param pointer such as "/best/performance/ttft_ms"
   * @return the value there, or a null value when there is none
   */
  public JsonValue at(String pointer) {
    JsonValue here = this;
    for (String part : pointer.isEmpty() ? new String[0] : pointer.substring(1).split("/", -1)) {
      String name = part.replace("~1", "/").replace("~0", "~");
      if (here.kind == Kind.OBJECT) {
        here = here.get(name);
      } else if (here.kind == Kind.LIST && name.matches("0|[1-9][0-9]{0,8}") && Integer.parseInt(name) < here.items().size()) {
        here = here.items().get(Integer.parseInt(name));
      } else {
        return NULL;
      }
    }
    return here;
  }

  /** The value as JSON. */
  @Override
  public String toString() {
    StringBuilder out = new StringBuilder();
    write(out);
    return out.toString();
  }

  void write(StringBuilder out) {
    switch (kind) {
      case TEXT -> quote((String) value, out);
      case LIST -> {
        String before = "[";
        for (JsonValue item : items()) {
          item.write(out.append(before));
          before = ",";
        }
        out.append(items().isEmpty() ? "[]" : "]");
      }
      case OBJECT -> {
        String before = "{";
        for (Map.Entry<String, JsonValue> member : members().entrySet()) {
          quote(member.getKey(), out.append(before));
          member.getValue().write(out.append(':'));
          before = ",";
        }
        out.append(members().isEmpty() ? "{}" : "}");
      }
      default -> out.append(value);
    }
  }

  private static void quote(String text, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < 0x20) {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    out.append('"');
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof JsonValue that && kind == that.kind && java.util.Objects.equals(value, that.value);
  }

  @Override
  public int hashCode() {
    return java.util.Objects.hash(kind, value);
  }

  static JsonValue list(ArrayList<JsonValue> items) {
    return new JsonValue(Kind.LIST, Collections.unmodifiableList(items));
  }
}

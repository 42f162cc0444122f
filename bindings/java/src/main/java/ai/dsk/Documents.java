package ai.dsk;

import ai.dsk.internal.Text;
import java.lang.reflect.Constructor;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Records as JSON and back: a component's name is the member's in camel case; null is left out. */
final class Documents {
  private record Member(String name, Type type, RecordComponent component) {}

  private record Shape(List<Member> members, Constructor<?> constructor, Wire wire) {}

  private static final ClassValue<Shape> SHAPES = new ClassValue<>() {
    @Override
    protected Shape computeValue(Class<?> type) {
      RecordComponent[] components = type.getRecordComponents();
      List<Member> members = new ArrayList<>();
      for (RecordComponent c : components) {
        c.getAccessor().setAccessible(true);
        members.add(new Member(snake(c.getName()), c.getGenericType(), c));
      }
      try {
        Constructor<?> constructor = type.getDeclaredConstructor(Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new));
        constructor.setAccessible(true);
        return new Shape(List.copyOf(members), constructor, type.getAnnotation(Wire.class));
      } catch (NoSuchMethodException e) {
        throw new IllegalStateException(e); // every record has it
      }
    }
  };

  private Documents() {}

  static <T> List<T> copy(List<T> list) {
    return list == null ? List.of() : List.copyOf(list);
  }

  static <V> Map<String, V> copy(Map<String, V> map) {
    return map == null ? Map.of() : Collections.unmodifiableMap(new LinkedHashMap<>(map));
  }

  static <T> List<T> copyOrNull(List<T> list) {
    return list == null ? null : List.copyOf(list);
  }

  static <V> Map<String, V> copyOrNull(Map<String, V> map) {
    return map == null ? null : copy(map);
  }

  static List<Long> list(long... values) {
    return Arrays.stream(values).boxed().toList();
  }

  static List<Double> list(double... values) {
    return Arrays.stream(values).boxed().toList();
  }

  static String snake(String camel) {
    StringBuilder out = new StringBuilder();
    for (char c : camel.toCharArray()) {
      if (Character.isUpperCase(c)) {
        out.append('_');
      }
      out.append(Character.toLowerCase(c));
    }
    return out.toString();
  }

  /** A request as the library reads it. */
  static byte[] encode(Record request) {
    return Text.bytes(json(request, "").toString());
  }

  private static JsonValue json(Object value, String path) {
    if (value instanceof JsonValue json) {
      return json;
    }
    if (value instanceof String text) {
      return JsonValue.of(text);
    }
    if (value instanceof Long number) {
      return JsonValue.of(number);
    }
    if (value instanceof Double number) {
      if (!Double.isFinite(number)) {
        throw new DskException(Status.INVALID_REQUEST, "must be a finite number, is " + number, path, "ai.dsk");
      }
      return JsonValue.of(number);
    }
    if (value instanceof Boolean truth) {
      return JsonValue.of(truth);
    }
    if (value instanceof List<?> list) {
      ArrayList<JsonValue> items = new ArrayList<>();
      for (Object item : list) {
        items.add(json(item, path + "/" + items.size()));
      }
      return JsonValue.list(items);
    }
    Map<String, JsonValue> members = new LinkedHashMap<>();
    if (value instanceof Map<?, ?> map) {
      map.forEach((name, item) -> members.put((String) name, json(item, path + "/" + name)));
      return JsonValue.of(members);
    }
    Shape shape = SHAPES.get(value.getClass());
    if (shape.wire != null && shape.wire.schema() != 0) {
      members.put("schema", JsonValue.of(shape.wire.schema()));
    }
    for (Member member : shape.members) {
      Object part = get(value, member);
      if (part != null) {
        members.put(member.name, json(part, path + "/" + member.name));
      }
    }
    boolean alone = shape.wire != null && members.size() == 1 && members.containsKey(shape.wire.shortForm());
    return alone ? members.get(shape.wire.shortForm()) : JsonValue.of(members);
  }

  private static Object get(Object owner, Member member) {
    try {
      return member.component.getAccessor().invoke(owner);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  /** An answer of the library as its record. */
  static <T> T decode(Class<T> type, String document) {
    return type.cast(value(type, JsonValue.parse(document)));
  }

  private static Object value(Type type, JsonValue json) {
    if (type instanceof ParameterizedType generic) {
      Type item = generic.getActualTypeArguments()[generic.getActualTypeArguments().length - 1];
      if (generic.getRawType() == List.class) {
        return json.isNull() ? null : json.items().stream().map(i -> value(item, i)).toList();
      }
      Map<String, Object> map = new LinkedHashMap<>();
      if (!json.isNull()) {
        json.names().forEach(name -> map.put(name, value(item, json.get(name))));
      }
      return map;
    }
    if (type == JsonValue.class) {
      return json.isNull() ? null : json;
    }
    if (json.isNull()) {
      return type == long.class ? (Object) 0L : type == double.class ? (Object) 0.0 : type == boolean.class ? (Object) false : null;
    }
    if (type == String.class) {
      return json.text();
    }
    if (type == long.class || type == Long.class) {
      return json.integer();
    }
    if (type == double.class || type == Double.class) {
      return json.number();
    }
    if (type == boolean.class || type == Boolean.class) {
      return json.truth();
    }
    return record((Class<?>) type, json);
  }

  private static Object record(Class<?> type, JsonValue json) {
    Shape shape = SHAPES.get(type);
    JsonValue whole = json;
    if (shape.wire != null && !shape.wire.shortForm().isEmpty() && json.kind() != JsonValue.Kind.OBJECT) {
      whole = JsonValue.of(Map.of(shape.wire.shortForm(), json));
    }
    Object[] parts = new Object[shape.members.size()];
    for (int i = 0; i < parts.length; i++) {
      parts[i] = value(shape.members.get(i).type, whole.get(shape.members.get(i).name));
    }
    try {
      return shape.constructor.newInstance(parts);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }
}

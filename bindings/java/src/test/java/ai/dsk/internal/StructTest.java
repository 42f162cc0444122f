package ai.dsk.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.reflect.Field;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Java's layout of the C structs and its numbers of the C enums are C's. */
class StructTest {
  @BeforeAll
  static void load() {
    NativeLibrary.ensure();
  }

  private static int constant(Class<?> owner, String name) throws ReflectiveOperationException {
    Field field = owner.getDeclaredField(name);
    field.setAccessible(true);
    return field.getInt(null);
  }

  @Test
  void sizes() throws ReflectiveOperationException {
    for (Map.Entry<String, String[]> size : Map.ofEntries(Map.entry("dsk_plan_info", new String[] {"Plan", "INFO_SIZE"}),
        Map.entry("dsk_plan_batch", new String[] {"StepModel", "BATCH_SIZE"}), Map.entry("dsk_plan_step_time", new String[] {"StepModel", "TIME_SIZE"}),
        Map.entry("dsk_request_times", new String[] {"Dsk", "ROW_SIZE"}), Map.entry("dsk_bench_options", new String[] {"Bench", "OPTIONS_SIZE"}),
        Map.entry("dsk_bench_sample", new String[] {"Bench", "SAMPLE_SIZE"}), Map.entry("dsk_tp_device_info", new String[] {"tp.Device$Info", "SIZE"}),
        Map.entry("dsk_tp_comm_options", new String[] {"tp.Comm$Options", "SIZE"}), Map.entry("dsk_tp_comm_info", new String[] {"tp.Comm$Info", "SIZE"}),
        Map.entry("dsk_tp_unique_id", new String[] {"tp.Comm", "ID_SIZE"}), Map.entry("dsk_tp_weight", new String[] {"tp.Weight", "SIZE"}),
        Map.entry("dsk_tp_linear_desc", new String[] {"tp.Linear", "DESC_SIZE"}), Map.entry("dsk_tp_mlp_desc", new String[] {"tp.Mlp", "DESC_SIZE"}),
        Map.entry("dsk_tp_plan_info", new String[] {"tp.Layers$Info", "SIZE"}), Map.entry("dsk_tp_args", new String[] {"tp.Layers$Args", "SIZE"}),
        Map.entry("dsk_tp_graph_info", new String[] {"tp.Graph$Info", "SIZE"})).entrySet()) {
      int ours = constant(Class.forName("ai.dsk." + size.getValue()[0]), size.getValue()[1]);
      assertEquals(constant(dsk_nativeConstants.class, "SIZE_" + size.getKey()), ours, size.getKey());
    }
  }

  /** Enums are written and read by ordinal, statuses by value: each C constant must find its Java name at that number. */
  @Test
  void enums() throws ReflectiveOperationException {
    Map<String, String> classes = Map.ofEntries(Map.entry("DSK_EMIT_", "Plan$Format"), Map.entry("DSK_RESOURCE_", "StepModel$Resource"),
        Map.entry("DSK_EXPLAIN_", "Dsk$ExplainFormat"), Map.entry("DSK_CATALOG_", "Dsk$CatalogKind"), Map.entry("DSK_LOG_", "Dsk$LogLevel"),
        Map.entry("DSK_BENCH_LOAD_", "Bench$LoadFormat"), Map.entry("DSK_BENCH_MONITOR_", "Monitor$Format"), Map.entry("DSK_DTYPE_", "tp.DType"),
        Map.entry("DSK_TP_TRANSPORT_", "tp.Comm$Transport"), Map.entry("DSK_TP_SPLIT_", "tp.Layers$Split"),
        Map.entry("DSK_TP_ACTIVATION_", "tp.Layers$Activation"), Map.entry("DSK_STATUS_", "Status"));
    int checked = 0;
    for (Field c : dsk_nativeConstants.class.getFields()) {
      for (Map.Entry<String, String> entry : classes.entrySet()) {
        if (!c.getName().startsWith(entry.getKey())) {
          continue;
        }
        String name = c.getName().substring(entry.getKey().length());
        Enum<?> found = null;
        for (Object constant : Class.forName("ai.dsk." + entry.getValue()).getEnumConstants()) {
          if (((Enum<?>) constant).name().equals(name)) {
            found = (Enum<?>) constant;
          }
        }
        int number = found == null ? -1 : found instanceof ai.dsk.Status s ? s.value() : found.ordinal();
        assertEquals(c.getInt(null), number, c.getName());
        checked++;
      }
    }
    assertEquals(58, checked, "constants of the C headers");
  }
}

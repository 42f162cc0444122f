package ai.dsk.tp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.dsk.Dsk;
import ai.dsk.DskException;
import ai.dsk.Status;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LayersTest {
  private static final int WIDTH = 64;

  private static ByteBuffer floats(int count) {
    return ByteBuffer.allocateDirect(4 * count).order(ByteOrder.nativeOrder());
  }

  /** [WIDTH, WIDTH] with a value on its diagonal, so that y = value * x. */
  private static Weight diagonal(float value) {
    ByteBuffer w = floats(WIDTH * WIDTH);
    for (int i = 0; i < WIDTH; i++) {
      w.putFloat(4 * (i * WIDTH + i), value);
    }
    return new Weight(DType.F32, WIDTH, WIDTH, w);
  }

  private static ByteBuffer ramp(int from, int to) {
    ByteBuffer x = floats(to - from);
    for (int i = from; i < to; i++) {
      x.putFloat(4 * (i - from), i);
    }
    return x;
  }

  private static DeviceMemory filled(Device device, ByteBuffer content) {
    DeviceMemory memory = device.allocate(content.capacity());
    memory.write(0, content);
    return memory;
  }

  private static void settle() throws InterruptedException {
    for (int i = 0; i < 200 && Dsk.liveObjects() != 0; i++) {
      System.gc();
      Thread.sleep(10);
    }
    assertEquals(0, Dsk.liveObjects());
  }

  @Test
  void rowSplitOverTwoRanks() throws Exception {
    List<Throwable> thrown = java.util.Collections.synchronizedList(new ArrayList<>());
    try (Device device = new Device("cpu", 0)) {
      List<Comm> comms = Comm.local(List.of(device, device), Comm.Options.DEFAULT);
      List<Thread> threads = new ArrayList<>();
      for (int r = 0; r < 2; r++) {
        int rank = r;
        Thread thread = new Thread(() -> {
          Comm comm = comms.get(rank);
          try (Linear layer = new Linear(comm, new Linear.Options(Layers.Split.ROW, DType.F32, 1, diagonal(3)))) {
            Layers.Info info = layer.info();
            assertEquals(WIDTH / 2, info.inputColumns());
            try (DeviceMemory x = filled(device, ramp(rank * WIDTH / 2, (rank + 1) * WIDTH / 2)); DeviceMemory y = device.allocate(4 * WIDTH);
                DeviceMemory scratch = device.allocate(info.workspaceBytes() + 256)) {
              layer.enqueue(new Layers.Args(1, x.at(0), y.at(0), scratch.at(0), info.workspaceBytes()), 0);
              assertThrows(IndexOutOfBoundsException.class,
                  () -> layer.enqueue(new Layers.Args(1, x.at(0), y.at(4), scratch.at(0), info.workspaceBytes()), 0));
              ByteBuffer out = floats(WIDTH);
              y.read(0, out);
              for (int i = 0; i < WIDTH; i++) {
                assertEquals(3f * i, out.getFloat(4 * i));
              }
            }
            comm.await(0);
            assertEquals(new Comm.Info(2, rank, -1, false, "threads"), comm.info());
          }
        });
        thread.setUncaughtExceptionHandler((t, e) -> thrown.add(e));
        threads.add(thread);
        thread.start();
      }
      for (Thread thread : threads) {
        thread.join();
      }
      comms.get(0).abort();
      assertTrue(comms.get(0).info().aborted());
      comms.forEach(Comm::close);
    }
    assertEquals(List.of(), thrown);
    settle();
  }

  /** Two ranks from one thread, then a captured chain; what the chain points into is closed before it. */
  @Test
  void groupAndGraph() throws Exception {
    Device device = new Device("cpu", 0);
    List<Comm> comms = Comm.local(List.of(device, device), Comm.Options.DEFAULT);
    List<Mlp> layers = new ArrayList<>();
    List<Layers.Args> args = new ArrayList<>();
    List<DeviceMemory> outputs = new ArrayList<>();
    List<DeviceMemory> inputs = new ArrayList<>();
    for (Comm comm : comms) {
      Mlp layer = new Mlp(comm, new Mlp.Options(0, Layers.Activation.SILU, DType.F32, 1, 0, null, diagonal(1), diagonal(2), diagonal(1), null));
      long scratch = layer.info().workspaceBytes();
      inputs.add(filled(device, ramp(0, WIDTH)));
      outputs.add(device.allocate(4 * WIDTH));
      DeviceMemory workspace = device.allocate(scratch + 256);
      args.add(new Layers.Args(1, inputs.get(inputs.size() - 1).at(0), outputs.get(outputs.size() - 1).at(0), workspace.at(0), scratch));
      inputs.add(workspace);
      layers.add(layer);
    }
    Comm.group(comms, () -> {
      for (int r = 0; r < 2; r++) {
        layers.get(r).enqueue(args.get(r), 0);
      }
    });
    expect(outputs);
    DskException one = assertThrows(DskException.class, () -> Comm.group(comms, () -> layers.get(0).enqueue(args.get(0), 0)));
    assertEquals(Status.INVALID_ARGUMENT, one.status());
    assertThrows(ArithmeticException.class, () -> Comm.group(comms, () -> {
      throw new ArithmeticException();
    }));

    Graph graph = new Graph(comms);
    for (int r = 0; r < 2; r++) {
      graph.set(graph.add(layers.get(r), args.get(r)), args.get(r));
    }
    graph.capture();
    // The wrong order on purpose: the chain holds all of it.
    device.close();
    inputs.forEach(DeviceMemory::close);
    layers.forEach(Mlp::close);
    comms.forEach(Comm::close);
    graph.replay(0);
    expect(outputs);
    assertTrue(graph.info().captured());
    assertEquals(2, graph.info().steps());
    assertThrows(IllegalStateException.class, () -> layers.get(0).info());
    graph.close();
    outputs.forEach(DeviceMemory::close);
    settle();
  }

  private static void expect(List<DeviceMemory> outputs) {
    for (DeviceMemory y : outputs) {
      ByteBuffer out = floats(WIDTH);
      y.read(0, out);
      for (int x = 0; x < WIDTH; x++) {
        double want = x / (1 + Math.exp(-x)) * 2 * x;
        assertEquals(want, out.getFloat(4 * x), 1e-3 * (1 + want));
      }
      y.write(0, floats(WIDTH));
    }
  }

  @Test
  void weightsFileAndTuning(@TempDir Path folder) throws Exception {
    byte[] header = "{\"layer.weight\":{\"dtype\":\"F32\",\"shape\":[64,64],\"data_offsets\":[0,16384]}}".getBytes(StandardCharsets.UTF_8);
    ByteBuffer file = ByteBuffer.allocate(8 + header.length + 4 * WIDTH * WIDTH).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).put(header);
    Path name = Files.write(folder.resolve("größe-🚀.safetensors"), file.array());
    try (Device device = new Device("cpu", 0); Tuning tuning = new Tuning()) {
      Comm comm = Comm.local(List.of(device), Comm.Options.DEFAULT).get(0);
      Weights weights = new Weights(name);
      assertEquals(List.of("layer.weight"), weights.names());
      Weight weight = weights.get("layer");
      assertEquals(WIDTH, weight.n());
      assertEquals(DType.F32, weight.dtype());
      assertEquals(Status.NOT_FOUND, assertThrows(DskException.class, () -> weights.get("nothing")).status());
      Linear.Options options = new Linear.Options(0, Layers.Split.REPLICATED, DType.F32, 1, 0, 0, 0, 0, null, List.of(weight), tuning);
      new Linear(comm, options).close();
      try (Tuning again = new Tuning(tuning.toJson())) {
        assertEquals(tuning.count(), again.count());
      }
      weights.close();
      assertThrows(IllegalStateException.class, () -> new Linear(comm, options));
      comm.close();
      assertEquals("cpu", device.info().backend());
      assertEquals(0, device.newStream());
      device.freeStream(0);
      assertEquals(Status.UNSUPPORTED, assertThrows(DskException.class, device::newUniqueId).status());
      assertEquals(Status.UNAVAILABLE, assertThrows(DskException.class, () -> new Device("abacus", 0)).status());
      assertThrows(IllegalArgumentException.class, () -> new Weight(DType.F32, 1, 1, ByteBuffer.allocate(4)));
      assertThrows(IndexOutOfBoundsException.class, () -> device.allocate(8).write(4, floats(2)));
      assertThrows(IllegalArgumentException.class,
          () -> new Linear(comm, new Linear.Options(0, Layers.Split.ROW, DType.F32, 1, 0, 0, 0, 0, floats(1), List.of(diagonal(1)), null)));
    }
  }
}

package ai.dsk.tp;

import ai.dsk.internal.Handle;
import ai.dsk.internal.NativeLibrary;
import ai.dsk.internal.Struct;
import ai.dsk.internal.Text;
import ai.dsk.internal.dsk_native;
import java.lang.ref.Reference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** One rank of a communicator. */
public final class Comm implements AutoCloseable {
  /** How ranks reach each other. */
  public enum Transport {
    /** Threads on the CPU; on CUDA own protocol in one process, NCCL across. */
    AUTO,
    /** Own protocol over peer memory (one process). */
    PEER,
    /** NCCL 2.27 or newer. */
    VENDOR
  }

  /**
   * Settings; null and 0 mean default.
   *
   * @param transport how ranks reach each other
   * @param timeout bound of every wait for another rank (30 s)
   * @param maxBytes largest message that goes through the own protocol in one piece (8 MiB)
   */
  public record Options(Transport transport, Duration timeout, long maxBytes) {
    static final int SIZE = 24;

    /** Defaults. */
    public static final Options DEFAULT = new Options(null, null, 0);

    private Struct struct() {
      return new Struct(SIZE).size().i32(transport == null ? 0 : transport.ordinal()).i64(timeout == null ? 0 : timeout.toMillis()).i64(maxBytes);
    }
  }

  /**
   * Where a rank stands.
   *
   * @param world number of ranks
   * @param rank this one
   * @param lostRank -1, or the rank that was found lost
   * @param aborted whether the communicator is aborted
   * @param transport "threads", "tcp", "peer", "nccl", "peer+nccl" or "none"
   */
  public record Info(int world, int rank, int lostRank, boolean aborted, String transport) {
    static final int SIZE = 36;
  }

  static final int ID_SIZE = 128;
  final Handle handle;

  private Comm(long pointer) {
    handle = Handle.own(this, pointer, "Comm", dsk_native::dsk_tp_comm_destroy);
  }

  /**
   * Makes all ranks of a communicator inside this process.
   *
   * @param devices the device of each rank; one device may carry several
   * @param options settings
   * @return the ranks
   */
  public static List<Comm> local(List<Device> devices, Options options) {
    Struct s = options.struct();
    long[] out = new long[devices.size()];
    Handle.insideAll(Device.handles(devices), d -> dsk_native.dsk_tp_comm_create_local(d, s.address(), out));
    Reference.reachabilityFence(s);
    List<Comm> comms = new ArrayList<>();
    for (long comm : out) {
      comms.add(new Comm(comm));
    }
    return List.copyOf(comms);
  }

  /**
   * Joins a communicator of several processes by id; returns when all ranks have called.
   *
   * @param device this rank's device
   * @param id of {@link Device#newUniqueId}
   * @param world number of ranks
   * @param rank this one
   * @param options settings
   * @return the rank
   */
  public static Comm join(Device device, byte[] id, int world, int rank, Options options) {
    if (id.length != ID_SIZE) {
      throw new IllegalArgumentException("an id has " + ID_SIZE + " bytes");
    }
    Struct c = new Struct(ID_SIZE).raw(id);
    Struct s = options.struct();
    long p = device.handle.inside(d -> Text.made(out -> dsk_native.dsk_tp_comm_create(d, c.address(), world, rank, s.address(), out)));
    Reference.reachabilityFence(c);
    Reference.reachabilityFence(s);
    return new Comm(p);
  }

  /**
   * Joins the communicator that the launcher (torchrun, mpirun, srun, LeaderWorkerSet) describes in the environment.
   *
   * @param backend "cpu" or "cuda"
   * @param options settings
   * @return the rank
   */
  public static Comm fromEnvironment(String backend, Options options) {
    NativeLibrary.ensure();
    Struct s = options.struct();
    long p = Text.made(out -> dsk_native.dsk_tp_comm_create_from_env(Text.bytes(backend), s.address(), out));
    Reference.reachabilityFence(s);
    return new Comm(p);
  }

  /**
   * Where the rank stands.
   *
   * @return it
   */
  public Info info() {
    Struct s = new Struct(Info.SIZE).size();
    handle.inside(p -> dsk_native.dsk_tp_comm_get_info(p, s.address()));
    Reference.reachabilityFence(s);
    s.at(4);
    return new Info(s.i32(), s.i32(), s.i32(), s.i32() != 0, s.text(16));
  }

  /**
   * Waits until the work of a stream is done, a rank is lost, or the timeout has passed.
   *
   * @param stream the stream; 0 on the CPU
   */
  public void await(long stream) {
    handle.inside(p -> dsk_native.dsk_tp_comm_wait(p, stream));
  }

  /** Ends all waits of the communicator; every later call on it fails with CANCELLED. From any thread. */
  public void abort() {
    handle.inside(p -> {
      dsk_native.dsk_tp_comm_abort(p);
      return null;
    });
  }

  static Handle[] handles(List<Comm> comms) {
    return comms.stream().map(c -> c.handle).toArray(Handle[]::new);
  }

  /**
   * Runs several ranks of a local communicator from one thread: what the work enqueues is kept, checked, and run together.
   *
   * @param comms the ranks
   * @param work enqueues
   */
  public static void group(List<Comm> comms, Runnable work) {
    Handle.insideAll(handles(comms), pointers -> {
      long group = Text.made(out -> dsk_native.dsk_tp_group_begin(pointers, out));
      try {
        work.run();
      } catch (Throwable t) {
        // The group has to end; ranks that have unequal work to do are refused, and that is not what the caller has to hear.
        try {
          dsk_native.dsk_tp_group_end(group);
        } catch (ai.dsk.DskException e) {
          t.addSuppressed(e);
        }
        throw t;
      }
      return dsk_native.dsk_tp_group_end(group);
    });
  }

  @Override
  public void close() {
    handle.close();
  }
}

/* A tensor-parallel MLP block, captured into a graph and replayed: on the GPU when there is one, on
 * the CPU otherwise, with the same calls. Plain C; the CUDA toolkit is not needed to build it.
 *
 *     mlp_graph [cuda|cpu] [REPLAYS]
 *
 * The block is y = (silu(x gate^T) * (x up^T)) down^T with the inner dimension split over two
 * ranks, both on one device here. With several GPUs, open one device for each rank.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsk/dsk.h"
#include "dsk/tp.h"

enum { ranks = 2, hidden = 256, inner = 512, tokens = 4 };

static dsk_error* error;

static void must(dsk_status status) {
  if (status == DSK_STATUS_OK) return;
  fprintf(stderr, "%s: %s\n", dsk_status_name(status), dsk_error_message(error));
  exit(1);
}

/* The CUDA backend says in a sentence what is missing; the CPU always serves. */
static dsk_tp_device* open_device(const char* wanted) {
  dsk_tp_device* device = NULL;
  if (strcmp(wanted, "cuda") == 0) {
    if (dsk_tp_device_create("cuda", 4, 0, &device, &error) == DSK_STATUS_OK) return device;
    printf("no CUDA: %s\nthe CPU serves instead\n", dsk_error_message(error));
    dsk_error_destroy(error);
    error = NULL;
  }
  must(dsk_tp_device_create("cpu", 3, 0, &device, &error));
  return device;
}

static float* random_matrix(size_t count, unsigned seed) {
  float* out = malloc(count * sizeof *out);
  if (!out) exit(1);
  for (size_t i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    out[i] = ((float)(seed >> 8) / (float)(1u << 24) - 0.5f) / 8.0f;
  }
  return out;
}

static dsk_tp_weight weight(const float* data, uint64_t n, uint64_t k) {
  dsk_tp_weight w = DSK_TP_WEIGHT_INIT;
  w.dtype = DSK_DTYPE_F32;
  w.n = n;
  w.k = k;
  w.data = data;
  w.data_bytes = n * k * sizeof *data;
  return w;
}

int main(int argc, char** argv) {
  const char* wanted = argc > 1 ? argv[1] : "cuda";
  const int replays = argc > 2 ? atoi(argv[2]) : 100;
  must(DSK_ABI_CHECK(&error));
  dsk_tp_device* device = open_device(wanted);
  dsk_tp_device_info about = DSK_TP_DEVICE_INFO_INIT;
  must(dsk_tp_device_get_info(device, &about, &error));
  printf("device: %s (%s)\n", about.name, about.backend);

  dsk_tp_device* devices[ranks] = {device, device};
  dsk_tp_comm* comms[ranks];
  must(dsk_tp_comm_create_local(devices, ranks, NULL, comms, &error));

  float* gate = random_matrix((size_t)inner * hidden, 1);
  float* up = random_matrix((size_t)inner * hidden, 2);
  float* down = random_matrix((size_t)hidden * inner, 3);
  float* x = random_matrix((size_t)tokens * hidden, 4);
  const dsk_tp_weight gate_weight = weight(gate, inner, hidden);
  const dsk_tp_weight up_weight = weight(up, inner, hidden);
  const dsk_tp_weight down_weight = weight(down, hidden, inner);
  dsk_tp_mlp_desc desc = DSK_TP_MLP_DESC_INIT;
  desc.activation = DSK_TP_ACTIVATION_SILU;
  desc.activation_dtype = DSK_DTYPE_F32;
  desc.max_m = tokens;
  desc.gate = &gate_weight;
  desc.up = &up_weight;
  desc.down = &down_weight;

  /* Memory of the caller's: input, output and workspace of each rank. */
  const uint64_t bytes = (uint64_t)tokens * hidden * sizeof(float);
  dsk_tp_mlp* plans[ranks];
  dsk_tp_args args[ranks];
  void* inputs[ranks];
  void* outputs[ranks];
  void* workspaces[ranks];
  for (int r = 0; r < ranks; ++r) {
    must(dsk_tp_mlp_create(comms[r], &desc, &plans[r], &error)); /* takes the rank's shard */
    dsk_tp_plan_info info = DSK_TP_PLAN_INFO_INIT;
    must(dsk_tp_mlp_get_info(plans[r], &info, &error));
    must(dsk_tp_device_memory_create(device, bytes, &inputs[r], &error));
    must(dsk_tp_device_memory_create(device, bytes, &outputs[r], &error));
    must(dsk_tp_device_memory_create(device, info.workspace_bytes ? info.workspace_bytes : 256,
                                     &workspaces[r], &error));
    must(dsk_tp_device_memory_set(device, inputs[r], x, bytes, &error));
    const dsk_tp_args init = DSK_TP_ARGS_INIT;
    args[r] = init;
    args[r].m = tokens;
    args[r].x = inputs[r];
    args[r].y = outputs[r];
    args[r].workspace = workspaces[r];
    args[r].workspace_bytes = info.workspace_bytes;
  }

  /* Once eagerly: one thread drives both ranks, so their calls form a group. */
  float* eager = malloc(bytes);
  float* replayed = malloc(bytes);
  if (!eager || !replayed) return 1;
  dsk_tp_group* group = NULL;
  must(dsk_tp_group_begin(comms, ranks, &group, &error));
  for (int r = 0; r < ranks; ++r)
    must(dsk_tp_mlp_enqueue(plans[r], &args[r], NULL, &error));
  must(dsk_tp_group_end(group, &error));
  must(dsk_tp_device_memory_set(device, eager, outputs[1], bytes, &error));

  /* Then captured once and replayed: no choice, no allocation, one launch. */
  dsk_tp_graph* graph = NULL;
  must(dsk_tp_graph_create(comms, ranks, &graph, &error));
  for (int r = 0; r < ranks; ++r)
    must(dsk_tp_graph_add_mlp(graph, plans[r], &args[r], NULL, &error));
  must(dsk_tp_graph_capture(graph, &error));
  for (int i = 0; i < replays; ++i)
    must(dsk_tp_graph_replay(graph, NULL, &error));
  must(dsk_tp_device_memory_set(device, replayed, outputs[1], bytes, &error));
  const int same = memcmp(eager, replayed, bytes) == 0;
  printf("%d replays, y[0] = %g, %s\n", replays, (double)replayed[0],
         same ? "bit for bit what the eager call gave" : "DIFFERENT from the eager call");

  dsk_tp_graph_destroy(graph);
  for (int r = 0; r < ranks; ++r) {
    dsk_tp_mlp_destroy(plans[r]);
    dsk_tp_device_memory_destroy(device, inputs[r]);
    dsk_tp_device_memory_destroy(device, outputs[r]);
    dsk_tp_device_memory_destroy(device, workspaces[r]);
    dsk_tp_comm_destroy(comms[r]);
  }
  dsk_tp_device_destroy(device);
  free(gate);
  free(up);
  free(down);
  free(x);
  free(eager);
  free(replayed);
  return same ? 0 : 1;
}

/**
 * @file dtype.h
 * Element types of tensors, shared by tp.h and backend.h.
 */
#ifndef DSK_DTYPE_H
#define DSK_DTYPE_H

#include "dsk/base.h"

/** Element type of a tensor in memory. */
typedef enum dsk_dtype {
  DSK_DTYPE_NONE = 0,
  DSK_DTYPE_F32 = 1,
  DSK_DTYPE_BF16 = 2,
  DSK_DTYPE_F16 = 3,
  DSK_DTYPE_F8E4M3 = 4, /**< OCP E4M3: no infinity, largest finite value 448 */
  DSK_DTYPE_I8 = 5,     /**< two's complement, -127..127 used */
  DSK_DTYPE_I4 =
      6, /**< two per byte along the last dimension, low nibble first, stored as value + 8 */
  DSK_DTYPE_I32 = 7,
  DSK_DTYPE_FORCE_32BIT = 0x7fffffff
} dsk_dtype;

#endif /* DSK_DTYPE_H */

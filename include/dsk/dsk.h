/** @file dsk.h Everything: base.h and each family of calls. */
#ifndef DSK_DSK_H
#define DSK_DSK_H

#include "dsk/base.h"
#include "dsk/bench.h"
#include "dsk/calibrate.h"
#include "dsk/plan.h"
#include "dsk/tp.h"

#endif /* DSK_DSK_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * Where the trace events of trace.h are made.
 */
#define CREATE_TRACE_POINTS
#include "trace.h"

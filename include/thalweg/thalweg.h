/* SPDX-License-Identifier: Apache-2.0
 * Thalweg: graphs of tensor operations, their derivatives, and sessions that run them. Everything
 * in one header. */
#ifndef THALWEG_THALWEG_H
#define THALWEG_THALWEG_H

#include "array.h"
#include "base.h"
#include "callable.h"
#include "control_flow.h"
#include "dtype.h"
#include "gradients.h"
#include "graph.h"
#include "op.h"
#include "operand.h"
#include "rnn.h"
#include "session.h"
#include "shape.h"
#include "status.h"
#include "thalweg/ops.h" /* generated: a builder for each op and composite */
#include "train.h"
#include "variables.h"

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Which instruction set level kernels run at. Files in an isa/ folder are compiled once for each
 * level, with TW_ISA_SUFFIX (_plain, _v2, _v3, _v4) and TW_ISA_LEVEL (0, 2, 3, 4) defined; who
 * calls them asks for the level here. Levels 2 to 4 exist where TW_ISA_LEVELS_X86 is defined. */
#ifndef TW_KERNELS_ISA_H
#define TW_KERNELS_ISA_H

#define TW_ISA_JOIN_(name, suffix) name##suffix
#define TW_ISA_JOIN(name, suffix) TW_ISA_JOIN_(name, suffix)
/* A function of an isa/ file: void TW_ISA_NAME(tw_copy)(...) is tw_copy_v3 at level 3. */
#define TW_ISA_NAME(name) TW_ISA_JOIN(name, TW_ISA_SUFFIX)

enum { TW_ISA_LEVELS = 4 }; /* plain, v2, v3, v4 */

/* 0, 2, 3 or 4: the best that this processor and system have, no higher than the limit. */
int tw_isa_level(void);
/* 0 .. TW_ISA_LEVELS - 1: the same as an index of a table {plain, v2, v3, v4}. */
int tw_isa_index(void);
/* Never use more than `level` from now on (tests; THALWEG_ISA in the environment sets the first
 * limit); negative: no limit. Plans made before keep the functions they chose. */
void tw_isa_limit(int level);

#endif

// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/common/allocator.h"

#ifdef TIDEGATE_MIMALLOC
#include <mimalloc.h>
#elif defined(__GLIBC__)
#include <malloc.h>
#endif

namespace tidegate::allocator {

#ifdef TIDEGATE_MIMALLOC

namespace {

#if MI_MALLOC_VERSION >= 210
constexpr mi_option_t kGiveBackDelayMs = mi_option_purge_delay;
#else
constexpr mi_option_t kGiveBackDelayMs = mi_option_decommit_delay;
#endif

long usualDelayMs = 0;

} // namespace

void startUpBegins()
{
    usualDelayMs = mi_option_get(kGiveBackDelayMs);
    mi_option_set(kGiveBackDelayMs, 0);
}

void startUpEnded()
{
    giveBack();
    // Under load the next request wants the page: without a delay one costs 7 % more.
    mi_option_set(kGiveBackDelayMs, usualDelayMs);
}

void giveBack()
{
    mi_collect(true);
}

#else

void startUpBegins() {}

void startUpEnded()
{
    giveBack();
}

void giveBack()
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

#endif

} // namespace tidegate::allocator

// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace tidegate {

/// The program's memory allocator: mimalloc where the build has it (TIDEGATE_MIMALLOC), else the C
/// library's.
///
/// A gateway frees and allocates the same few thousand pieces for each request. The C library's
/// allocator hands out the oldest free piece of a size first; after a burst of streams those are
/// spread over tens of megabytes, no longer in the processor's caches (docs/benchmark.md).
namespace allocator {

/// What is free goes back to the system at once until startUpEnded(). First in main().
void startUpBegins();

/// Gives back what starting up took and no longer needs. In the thread that read the configuration.
void startUpEnded();

/// Gives back what is free in the calling thread. mimalloc keeps it for the next request, and for
/// good when none comes; so a thread that has nothing to do should call this.
void giveBack();

} // namespace allocator

} // namespace tidegate

// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/bench/benchurl.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace tidegate::bench {

/// CLOCK_MONOTONIC, the same for every process of the machine.
[[nodiscard]] int64_t nowNs();

/// As many descriptors as the system allows.
void raiseDescriptorLimit();

/// A connected, non-blocking socket with TCP_NODELAY; -1 when refused. Waits for the connection.
[[nodiscard]] int connectTo(const BenchUrl &url);

/// What has still to be written to a socket.
class SendQueue
{
public:
    /// Writes what can be written at once and keeps the rest. False when the peer is gone.
    bool send(int fd, std::string_view bytes);
    /// Goes on. False when the peer is gone.
    bool flush(int fd);
    [[nodiscard]] size_t pending() const { return m_pending.size() - m_done; }

private:
    std::string m_pending;
    size_t m_done = 0;
};

} // namespace tidegate::bench

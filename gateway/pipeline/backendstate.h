// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <atomic>
#include <memory>
#include <utility>

namespace tidegate {

/// What is known of one backend at run time, kept by name across configuration changes.
///
/// Shared by all engine threads and the main thread; every member may be used from any of them.
class BackendState
{
public:
    enum class Reachability : quint8
    {
        Unknown,
        Reachable,
        Unreachable
    };

    explicit BackendState(QByteArray backendName)
        : name(std::move(backendName))
    {
    }

    const QByteArray name;
    std::atomic<Reachability> reachability{Reachability::Unknown};
    std::atomic<int> inFlight{0};
};

using BackendStatePtr = std::shared_ptr<BackendState>;

} // namespace tidegate

// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/config/configsnapshot.h"

#include <QObject>

#include <functional>
#include <memory>
#include <vector>

namespace tidegate {

/// Brings configurations into force: one after the other, in order, and as few as will do.
///
/// Lives in the main thread, owned by the Gateway. What is asked for in one turn of the event loop,
/// or while a configuration is being prepared, is served by one configuration, the next.
class ConfigSwitch final : public QObject
{
    Q_OBJECT

public:
    using Applied = std::function<void(const Result<Done> &)>;

    struct Steps
    {
        /// Makes the next configuration of what is known now; an error leaves the one in force.
        std::function<Result<std::shared_ptr<ConfigSnapshot>>()> load;
        /// Gets ready what the configuration needs before it counts, such as what its budgets have
        /// spent, and calls @p ready once, in the main thread, now or later.
        std::function<void(const ConfigPtr &next, std::function<void()> ready)> prepare;
        /// Puts it into force, and calls @p inForce once, in the main thread, now or later: when
        /// every engine thread uses it.
        std::function<void(std::shared_ptr<ConfigSnapshot> next, std::function<void()> inForce)>
            install;
    };

    explicit ConfigSwitch(Steps steps, QObject *parent = nullptr);

    /// Asks for a configuration that is loaded after this call. @p applied, which may be empty,
    /// comes when it is in force, or with the reason why it is not.
    void request(Applied applied = {});
    /// Forgets everything that was asked for; nothing is installed or answered any more.
    void reset();

private:
    void schedule();
    void run();
    void finish(const std::vector<Applied> &served, const Result<Done> &result);

    Steps m_steps;
    std::vector<Applied> m_waiting;
    bool m_scheduled = false;
    bool m_running = false;
    quint64 m_generation = 0; ///< grows with each reset
};

} // namespace tidegate

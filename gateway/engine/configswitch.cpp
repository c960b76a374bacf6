// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/configswitch.h"

#include <QPointer>

#include <utility>

namespace tidegate {

ConfigSwitch::ConfigSwitch(Steps steps, QObject *parent)
    : QObject(parent)
    , m_steps(std::move(steps))
{
}

void ConfigSwitch::request(Applied applied)
{
    m_waiting.push_back(std::move(applied));
    schedule();
}

void ConfigSwitch::reset()
{
    ++m_generation;
    m_waiting.clear();
    m_running = false;
}

void ConfigSwitch::schedule()
{
    if (m_scheduled || m_running || m_waiting.empty()) {
        return;
    }
    m_scheduled = true;
    QMetaObject::invokeMethod(
        this,
        [this] {
            m_scheduled = false;
            run();
        },
        Qt::QueuedConnection);
}

void ConfigSwitch::run()
{
    if (m_running || m_waiting.empty()) {
        return;
    }
    m_running = true;
    const auto served = std::exchange(m_waiting, {});
    auto loaded = m_steps.load();
    if (!loaded) {
        finish(served, Error{loaded.error()});
        return;
    }
    const std::shared_ptr<ConfigSnapshot> next = std::move(loaded).value();
    m_steps.prepare(next, [self = QPointer(this), generation = m_generation, next, served] {
        if (!self || self->m_generation != generation) {
            return;
        }
        self->m_steps.install(next, [self, generation, served] {
            if (self && self->m_generation == generation) {
                self->finish(served, Done{});
            }
        });
    });
}

void ConfigSwitch::finish(const std::vector<Applied> &served, const Result<Done> &result)
{
    m_running = false;
    const QPointer self(this);
    for (const Applied &applied : served) {
        if (applied) {
            applied(result);
        }
    }
    if (self) {
        schedule();
    }
}

} // namespace tidegate

// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/adminreaders.h"

#include <utility>

namespace tidegate {

namespace {

constexpr int kQueryThreads = 2;
constexpr int kStreamThreads = 4;

} // namespace

AdminReaders::AdminReaders()
{
    m_queries.setMaxThreadCount(kQueryThreads);
    m_streams.setMaxThreadCount(kStreamThreads);
}

AdminReaders::~AdminReaders()
{
    for (const auto &running : m_running) {
        if (const auto reply = running.lock()) {
            reply->cancel();
        }
    }
    m_queries.clear();
    m_queries.waitForDone();
    m_streams.waitForDone();
}

void AdminReaders::query(std::function<void()> job)
{
    m_queries.start(std::move(job));
}

bool AdminReaders::stream(const std::shared_ptr<AdminReply> &reply, std::function<void()> job)
{
    if (!m_streams.tryStart(std::move(job))) {
        return false;
    }
    std::erase_if(m_running, [](const auto &running) { return running.expired(); });
    m_running.push_back(reply);
    return true;
}

} // namespace tidegate

// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/http/guardedlistener.h"

#include "gateway/http/requestport.h"

#include <utility>

namespace tidegate {

GuardedListener::GuardedListener(std::function<void(qintptr)> accepted)
    : m_accepted(std::move(accepted))
{
}

void GuardedListener::offer(RequestPort *port)
{
    addPendingConnection(port);
    Q_EMIT newConnection();
}

void GuardedListener::incomingConnection(qintptr fd)
{
    m_accepted(fd);
}

} // namespace tidegate

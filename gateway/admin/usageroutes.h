// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/admin/adminrouter.h"

namespace tidegate {

class AdminReaders;
class Gateway;

/// /admin/v1/usage
///
/// Lives in the main thread; owned by the AdminApi. Reads in the threads of @p readers.
class UsageRoutes
{
public:
    UsageRoutes(Gateway &gateway, AdminReaders &readers);

    void addRoutes(AdminRouter &router);

private:
    void usage(const AdminCall &call);

    Gateway &m_gateway;
    AdminReaders &m_readers;
};

} // namespace tidegate
